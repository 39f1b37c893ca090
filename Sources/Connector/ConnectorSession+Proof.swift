internal import BrokerCore
internal import ConnectorServices
internal import RelayDelivery
public import RelayFormat
internal import Synchronization

extension ConnectorSession {
    /// Why no round trip could be proven.
    public enum ProofError: Error, Equatable, CustomStringConvertible {
        /// No dispatcher has answered our beats.
        case noDispatcher
        /// The dispatcher did not answer in time.
        case timedOut(Duration)

        public var description: String {
            switch self {
            case .noDispatcher: "no dispatcher has answered this connector's beats"
            case .timedOut(let limit): "no answer through the queue within \(limit)"
            }
        }
    }

    /// Goes through the queue to a dispatcher and back.
    ///
    /// - Returns: the dispatcher's process and the time that both hops took together.
    public func proveRoundTrip(timeout: Duration = .seconds(5)) async throws(ProofError) -> (BootID, Duration) {
        let limit = ContinuousClock.now + timeout
        while state.withLock({ $0.dispatchers.count == 0 }) {
            guard ContinuousClock.now < limit, !Task.isCancelled else { throw .noDispatcher }
            try? await Task.sleep(for: .milliseconds(20))
        }
        guard let dispatcher = state.withLock({ $0.dispatchers.latest }) else {
            throw .noDispatcher
        }
        let begun = ContinuousClock.now
        guard await roundTrip(to: dispatcher, timeout: limit - begun) else { throw .timedOut(timeout) }
        return (dispatcher, ContinuousClock.now - begun)
    }

    /// Proves the round trip to each known dispatcher, and forgets those that were silent for a minute.
    func prove() {
        let known = state.withLock { state in
            state.dispatchers.forget(silentSince: .now - .seconds(60))
            return state.dispatchers.boots
        }
        for dispatcher in known { ping(dispatcher) }
    }

    /// Sends a ping whose answer is noted when it comes.
    func ping(_ dispatcher: BootID) {
        // Owned by the session: ends with the answer, or after five seconds.
        Task { _ = await self.roundTrip(to: dispatcher, timeout: .seconds(5)) }
    }

    private func roundTrip(to dispatcher: BootID, timeout: Duration) async -> Bool {
        let id = RequestID.random()
        let begun = ContinuousClock.now
        var timer: Task<Void, any Error>?
        let answered = await withCheckedContinuation { continuation in
            state.withLock { $0.pings[id] = continuation }
            outbox.put(record(.ping, EmptyMessage(), to: dispatcher, correlation: id))
            // Owned by this call: it is cancelled when the answer has come. It must find the ping that it gives up.
            timer = Task {
                try await Task.sleep(for: timeout)
                self.state.withLock { $0.pings.removeValue(forKey: id) }?.resume(returning: false)
            }
        }
        timer?.cancel()
        guard answered else { return false }
        let took = ContinuousClock.now - begun
        state.withLock { $0.lastRoundTrip = (took, .now, dispatcher) }
        return true
    }

    /// What the session can say of itself.
    ///
    /// - Parameters:
    ///   - link: whether the queue is reached.
    ///   - localDrift: how far the local clock is ahead of the tenant's.
    ///   - certificateNotAfter: when the certificate ends, RFC 3339.
    public func status(
        link: Connectivity, localDrift: Duration = .zero, certificateNotAfter: String? = nil
    ) -> ConnectorStatus {
        let now = ContinuousClock.now
        return state.withLock { state in
            let proof = state.lastRoundTrip
            let verdict = Self.judge(
                link: link, proof: proof.map(\.at), isDraining: state.standing.readiness == .draining, started: started, now: now)
            return ConnectorStatus(
                state: verdict.state, reason: verdict.reason, forSeconds: (now - verdict.since).inSeconds,
                nextAction: verdict.nextAction, tenant: identity.tenantName, connector: "\(identity.member)",
                name: identity.name, groups: identity.groups.values.sorted(), services: services.kinds,
                boot: "\(identity.boot)", bootNumber: identity.bootNumber, version: configuration.version,
                inFlight: state.table.count, finished: state.finished, dispatchers: state.dispatchers.count,
                lastRoundTrip: proof.map {
                    .init(
                        milliseconds: $0.took.inSeconds * 1000, ageSeconds: (now - $0.at).inSeconds,
                        dispatcher: "\($0.dispatcher)")
                },
                clockDriftSeconds: localDrift.inSeconds, certificateNotAfter: certificateNotAfter)
        }
    }

    private struct Verdict {
        var state: ConnectorStatus.State
        var reason: String
        var since: ContinuousClock.Instant
        var nextAction: String?
    }

    private static func judge(
        link: Connectivity, proof: ContinuousClock.Instant?, isDraining: Bool, started: ContinuousClock.Instant,
        now: ContinuousClock.Instant
    ) -> Verdict {
        if isDraining {
            return Verdict(state: .draining, reason: "it was told to stop", since: now, nextAction: nil)
        }
        switch link {
        case .disconnected(let reason, let since, let attempts):
            return Verdict(
                state: .disconnected, reason: "\(reason) (\(attempts) attempts)", since: since,
                nextAction: "check that this machine reaches the tenant's URL; the connector goes on trying")
        case .connected(let since):
            guard let proof else {
                return Verdict(
                    state: .unproven, reason: "no dispatcher has answered yet", since: max(started, since),
                    nextAction: "if this lasts, ask the tenant's operator whether a dispatcher is running")
            }
            guard now - proof < .seconds(15) else {
                return Verdict(
                    state: .unproven, reason: "no dispatcher has answered since the last proven round trip",
                    since: proof, nextAction: "ask the tenant's operator whether a dispatcher is running")
            }
            return Verdict(
                state: .online, reason: "the last round trip was proven \(Int((now - proof).inSeconds)) s ago",
                since: since, nextAction: nil)
        }
    }
}

extension Duration {
    /// The duration in seconds.
    var inSeconds: Double { self / .seconds(1) }
}
