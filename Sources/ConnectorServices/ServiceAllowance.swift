/// How much of a service may still be used: how many requests at a time, and how often one may start.
///
/// Pure: the present is an argument. A request that is let in has to leave when its handler is done.
public struct ServiceAllowance: ~Copyable, Sendable {
    /// The answer to a request that wants to start.
    public enum Answer: Sendable, Equatable {
        /// It may start, and must leave.
        case enter
        /// As many run as may at a time.
        case full
        /// Too many have started lately; the next may after this time.
        case tooFast(Duration)
    }

    private let limits: ServiceLimits
    /// When the starts so far would be over if they had come evenly (the generic cell rate algorithm).
    private var paidUntil: ContinuousClock.Instant?
    /// How many requests run.
    public private(set) var running = 0

    /// Begins with nothing used.
    public init(_ limits: ServiceLimits) {
        self.limits = limits
    }

    /// A request wants to start.
    public mutating func enter(at now: ContinuousClock.Instant) -> Answer {
        if let most = limits.concurrency, running >= most { return .full }
        if let rate = limits.rate {
            let paidUntil = max(paidUntil ?? now, now)
            let early = (paidUntil - now) - rate.interval * (rate.burst - 1)
            guard early <= .zero else { return .tooFast(early) }
            self.paidUntil = paidUntil + rate.interval
        }
        running += 1
        return .enter
    }

    /// A request that was let in has ended.
    public mutating func leave() {
        if running > 0 { running -= 1 }
    }
}
