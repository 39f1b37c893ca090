internal import Synchronization

/// Holds the requests of one service to its limits: how many at a time, how many a second.
public final class ServiceGate: Sendable {
    private let allowance: Mutex<ServiceAllowance>

    /// Makes a gate; nil where there is no limit.
    public init?(_ limits: ServiceLimits) {
        guard limits != ServiceLimits() else { return nil }
        allowance = Mutex(ServiceAllowance(limits))
    }

    /// Asks for leave to begin one more request.
    ///
    /// - Returns: false when a limit is reached; otherwise `leave` is called once, when the request has ended.
    public func enter() -> Bool {
        let now = ContinuousClock.now
        return allowance.withLock { $0.enter(at: now) } == .enter
    }

    /// A request that had entered has ended, or was given back before it began.
    public func leave() {
        allowance.withLock { $0.leave() }
    }
}
