internal import BrokerCore
internal import ConnectorServices
internal import Logging
internal import RelayDelivery
internal import RelayFormat
internal import RelayKeys
internal import Synchronization

/// What is done as time passes: beats, proofs, repetitions, leases.
extension ConnectorSession {
    func keepTime() async {
        var nextBeat = ContinuousClock.now
        var nextProof = ContinuousClock.now + configuration.proof
        var nextExtension = ContinuousClock.now + .seconds(20)
        while !Task.isCancelled {
            let now = ContinuousClock.now
            state.withLock { $0.wake.tick(at: now) }
            if now >= nextBeat {
                beat()
                nextBeat = max(nextBeat + configuration.beat, now)
            }
            if now >= nextProof {
                prove()
                nextProof = now + configuration.proof
            }
            if now >= nextExtension {
                // Owned by the session: ends with the broker's answer, for which no beat may wait.
                Task { await self.extendLeases() }
                nextExtension = now + .seconds(20)
            }
            let isSlow = outbox.isSlow(at: now)
            let steps = change { state in
                state.table.isSendingSlow = isSlow
                return state.table.tick(at: clock.now)
            }
            carryOut(steps)
            outbox.put(sealing.greetings(at: clock.now))
            outbox.putUnsaid()
            endPauseIfDue()
            try? await Task.sleep(until: min(nextBeat, now + .milliseconds(250)), clock: .continuous)
        }
    }

    func extendLeases() async {
        let (subscriptions, carriers) = state.withLock { ($0.subscriptions, $0.table.carriers) }
        for (group, members) in Dictionary(grouping: carriers, by: \.group) {
            _ = try? await subscriptions[group]?.extend(members.map(\.token))
        }
    }

    func beat() {
        let (inFlight, credit, standing) = state.withLock { ($0.table.occupied, $0.table.credit, $0.standing) }
        let message = BeatMessage(
            role: .connector, readiness: standing.readiness, bootNumber: identity.bootNumber, name: identity.name,
            version: configuration.version, services: services.offers, inFlight: UInt32(clamping: inFlight),
            credit: UInt32(clamping: credit), note: standing.note)
        let now = clock.now
        outbox.put(
            identity.groups.keys.compactMap { group in
                try? OutgoingMessage(
                    .beat, message, to: .presence(identity.tenant), group: group,
                    // Longer than a token takes to sign it.
                    expiresAt: now + max(configuration.beat * 3, .seconds(3)))
            })
    }
}
