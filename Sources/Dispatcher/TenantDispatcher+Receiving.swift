internal import BrokerCore
internal import Logging
internal import Metrics
internal import RelayDelivery
internal import RelayFormat
internal import RelayKeys
internal import RelaySealing
internal import Synchronization

extension TenantDispatcher {
    /// What a connector said, decoded.
    private enum Saying {
        case accepted(RelayHeader, DispatchListMessage)
        case claims(RelayHeader, ClaimMessage)
        case returned(RelayHeader, ReturnMessage)
        case response(RelayHeader, ResponseMessage)
        case known(RelayHeader, KnownMessage)
    }

    private static let kinds: Set<MessageKind> = [.accepted, .claim, .return, .response, .known, .ping, .hello]

    /// Reads what connectors say to this process.
    func receive(from inbox: any Inbox) async {
        while let payloads = await inbox.next() {
            var envelopes: [Envelope] = []
            var slice = OpeningSlice()
            for payload in payloads {
                envelopes += open(payload, from: .inbox, Self.kinds) { self.hear($0) }
                guard slice.ends() else { continue }
                hear(envelopes)
                envelopes = []
            }
            hear(envelopes)
        }
    }

    /// Takes messages that were opened, in their order.
    private func hear(_ envelopes: [Envelope]) {
        guard !envelopes.isEmpty else { return }
        var sayings: [Saying] = []
        var boots: Set<BootID> = []
        sayings.reserveCapacity(envelopes.count)
        for envelope in envelopes {
            let header = envelope.header
            boots.insert(header.boot)
            do throws(RelayFormatError) {
                switch header.kind {
                case .accepted: sayings.append(.accepted(header, try envelope.decode(DispatchListMessage.self)))
                case .claim: sayings.append(.claims(header, try envelope.decode(ClaimMessage.self)))
                case .return: sayings.append(.returned(header, try envelope.decode(ReturnMessage.self)))
                case .response: sayings.append(.response(header, try envelope.decode(ResponseMessage.self)))
                case .known: sayings.append(.known(header, try envelope.decode(KnownMessage.self)))
                case .hello: put(message(.welcome, EmptyMessage(), to: header.boot))
                default: put(message(.pong, EmptyMessage(), to: header.boot, correlation: header.correlation))
                }
            } catch {
                countRefusal(SealingError(unreadable: error))
            }
        }
        let now = present
        heard(boots, at: now.steady)
        // Locked for each alone: callers that come meanwhile wait for one of them and not for all.
        var actions: [Machine.Action] = []
        for saying in sayings { actions += machine.withLock { hear(saying, &$0, at: now) } }
        let late = machine.withLock { $0.takeLateReplies() }
        if late > 0 { counters.late.increment(by: Int64(late)) }
        act(on: actions)
    }

    private func hear(_ saying: Saying, _ machine: inout Machine, at now: Moment) -> [Machine.Action] {
        var actions: [Machine.Action] = []
        switch saying {
        case .accepted(let header, let message):
            for dispatch in message.dispatches where mayTell(header, of: dispatch.request, machine) {
                actions += machine.accepted(dispatch, by: header, at: now)
            }
        case .claims(let header, let message):
            for claim in message.claims where mayTell(header, of: claim.dispatch.request, machine) {
                actions += machine.claimed(claim, by: header, at: now)
            }
        case .known(let header, let message):
            for entry in message.entries where mayTell(header, of: entry.dispatch.request, machine) {
                actions += machine.known(entry, by: header, at: now)
            }
        case .returned(let header, let message):
            guard mayTell(header, of: header.correlation, machine) else { return [] }
            return machine.returned(header.dispatch, by: header.boot, reason: message.reason, at: now)
        case .response(let header, let message):
            guard mayTell(header, of: header.correlation, machine) else { return [] }
            return machine.responded(header.dispatch, by: header, outcome: message.outcome, at: now)
        }
        return actions
    }

    /// Whether a connector is one of the group to which a request went: no other has a say in it.
    private func mayTell(_ header: RelayHeader, of id: RequestID, _ machine: borrowing Machine) -> Bool {
        guard let group = machine.group(of: id), group != header.group, !sealing.isMember(header.sender, of: group)
        else { return true }
        countRefusal(SealingError(.foreignGroup, "the request is another group's"))
        return false
    }

    /// Follows who is there.
    func follow(_ watch: any PresenceWatch) async {
        while let events = await watch.next() {
            let now = present
            for event in events {
                switch event {
                case .closed(let boot):
                    act(on: machine.withLock { $0.closed(boot, at: now) })
                case .beat(let payload):
                    hear(beats: open(payload, from: .presence, [.beat]) { self.hear(beats: $0) })
                }
            }
        }
    }

    private func hear(beats: [Envelope]) {
        let now = present
        for envelope in beats {
            if envelope.header.boot == party.boot {
                act(on: machine.withLock { $0.ownBeat(at: now) })
                continue
            }
            do throws(RelayFormatError) {
                let beat = try envelope.decode(BeatMessage.self)
                act(on: machine.withLock { $0.beat(beat, from: envelope.header, at: now) })
            } catch {
                countRefusal(SealingError(unreadable: error))
            }
        }
    }

    /// Beats, and tells the machine that time has passed.
    func keepTime() async {
        var nextBeat = ContinuousClock.now
        while !Task.isCancelled {
            let now = ContinuousClock.now
            if now >= nextBeat {
                beat()
                nextBeat = max(nextBeat + configuration.timing.beat, now)
            }
            let present = present
            act(on: machine.withLock { $0.tick(at: present) })
            let untilDeadline = machine.withLock { $0.earliestDeadline }.map { $0 - present.wall } ?? .seconds(1)
            let pause = min(max(untilDeadline, .milliseconds(5)), .milliseconds(100))
            try? await Task.sleep(until: min(nextBeat, now + pause), clock: .continuous)
        }
    }

    private func beat() {
        let message = BeatMessage(
            role: .dispatcher, readiness: .ready, bootNumber: 0, name: "dispatcher", version: configuration.version,
            services: [], inFlight: UInt32(clamping: machine.withLock { $0.count }), credit: 0)
        guard
            let beat = try? OutgoingMessage(
                .beat, message, to: .presence(tenant), expiresAt: clock.now + configuration.timing.beat * 3)
        else { return }
        put([beat])
    }
}

extension RelayHeader {
    /// The dispatch that the message is about.
    var dispatch: DispatchName { DispatchName(request: correlation, attempt: attempt) }
}
