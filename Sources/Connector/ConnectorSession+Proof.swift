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
}
