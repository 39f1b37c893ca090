internal import BrokerCore
internal import CRDKafka
internal import Logging
public import RelayFormat
internal import Synchronization

/// How a process stands with the cluster; never better than the last thing heard proves.
public enum KafkaState: Sendable, Equatable {
    /// Nothing has been heard yet.
    case connecting
    /// The cluster answers.
    case connected(since: RelayTime)
    /// It does not; the library tries again and again.
    case disconnected(reason: KafkaError, since: RelayTime)
    /// The broker was closed.
    case stopped
}

/// Keeps how the process stands with the cluster, from what its handles hear.
final class ClusterStanding: Sendable {
    private struct State {
        var present = KafkaState.connecting
        /// Why the last connection failed since the cluster last answered: that none is left says nothing of it.
        var cause: KafkaError?
    }

    private let state = Mutex(State())
    private let observer = Mutex<(@Sendable (KafkaState) -> Void)?>(nil)
    private let clock: RelayClock
    private let logger: Logger

    init(clock: RelayClock, logger: Logger) {
        self.clock = clock
        self.logger = logger
    }

    var present: KafkaState { state.withLock { $0.present } }

    /// Calls the closure after each change.
    func onChange(_ observer: @escaping @Sendable (KafkaState) -> Void) {
        self.observer.withLock { $0 = observer }
    }

    /// The cluster has answered.
    func noteAnswer() {
        let now = clock.now
        let change = state.withLock { state -> KafkaState? in
            state.cause = nil
            switch state.present {
            case .connected, .stopped: return nil
            case .connecting, .disconnected:
                state.present = .connected(since: now)
                return state.present
            }
        }
        guard let change else { return }
        logger.info("Kafka answers")
        observer.withLock { $0 }?(change)
    }

    /// The library has said what went wrong.
    func note(_ error: KafkaError) {
        state.withLock { state in
            // A refused login ends its connection, too.
            let isOfConnection = Self.ofConnections.contains(error.number) && state.cause?.code != .authentication
            if isOfConnection || error.code == .authentication { state.cause = error }
        }
        judge(error)
    }

    /// Takes note of what a caller met, and gives it back in the terms of the contract: with why no server answers, if that
    /// is known.
    func noted(_ error: KafkaError) -> BrokerError {
        judge(error)
        guard error.code == .unreachable, let cause = state.withLock({ $0.cause }) else { return error.asBrokerError }
        return KafkaError(cause.code, "\(error.message) (\(cause.message))").asBrokerError
    }

    /// That one connection of several broke says nothing yet; that none is left does, and so does a refused login.
    private func judge(_ error: KafkaError) {
        let now = clock.now
        let reason = state.withLock { state -> KafkaError? in
            guard error.code == .authentication || error.number == Self.allDown else { return nil }
            let reason = error.code == .authentication ? error : state.cause ?? error
            switch state.present {
            case .stopped: return nil
            case .disconnected(let former, let since):
                state.present = .disconnected(reason: reason, since: since)
                return former == reason ? nil : reason
            case .connecting, .connected:
                state.present = .disconnected(reason: reason, since: now)
                return reason
            }
        }
        guard let reason else {
            return logger.debug("Kafka library reports", metadata: ["reason": "\(error)"])
        }
        logger.warning("Kafka does not answer", metadata: ["reason": "\(reason)"])
        observer.withLock { $0 }?(present)
    }

    func stop() { state.withLock { $0.present = .stopped } }

    private static let allDown = RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN.rawValue
    /// What a connection fails of.
    private static let ofConnections: Set<Int32> = [
        RD_KAFKA_RESP_ERR__TRANSPORT.rawValue, RD_KAFKA_RESP_ERR__RESOLVE.rawValue, RD_KAFKA_RESP_ERR__SSL.rawValue,
    ]
}
