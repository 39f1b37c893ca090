/// Holds every service to its limits: how many requests at a time, and how often one may start.
///
/// Pure: the present is an argument. A request that is let in has to leave when its handler is done.
public struct ServiceGate: ~Copyable, Sendable {
    /// The answer to a request that wants to start.
    public enum Answer: Sendable, Equatable {
        /// It may start, and must leave.
        case enter
        /// As many run as may at a time.
        case full
        /// Too many have started lately; the next may after this time.
        case tooFast(Duration)
    }

    private struct Load {
        var limits: ServiceLimits
        var running = 0
        /// When the starts so far would be over if they had come evenly (the generic cell rate algorithm).
        var paidUntil: ContinuousClock.Instant?
    }

    private var loads: [String: Load]

    /// Makes a gate; services that are not named have no limits.
    public init(_ limits: [String: ServiceLimits]) {
        loads = limits.mapValues { Load(limits: $0) }
    }

    /// A request wants to start.
    public mutating func enter(_ service: String, at now: ContinuousClock.Instant) -> Answer {
        guard var load = loads[service] else { return .enter }
        if let most = load.limits.concurrency, load.running >= most { return .full }
        if let rate = load.limits.rate {
            let paidUntil = max(load.paidUntil ?? now, now)
            let early = (paidUntil - now) - rate.interval * (rate.burst - 1)
            guard early <= .zero else { return .tooFast(early) }
            load.paidUntil = paidUntil + rate.interval
        }
        load.running += 1
        loads[service] = load
        return .enter
    }

    /// A request that was let in has ended.
    public mutating func leave(_ service: String) {
        guard let running = loads[service]?.running, running > 0 else { return }
        loads[service]?.running = running - 1
    }

    /// How many requests of a limited service run.
    public func running(_ service: String) -> Int { loads[service]?.running ?? 0 }
}
