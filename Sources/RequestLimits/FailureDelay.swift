/// How long somebody has to wait after failed credentials: nothing for the first few, then twice as long each time.
public struct FailureDelay: Sendable, Equatable {
    private var failures = 0
    private var last: UInt64
    private var until: UInt64 = 0
    private var wasAlarmed = false

    /// Begins without failures.
    public init(at now: UInt64) { last = now }

    /// What comes of one more failure.
    public struct Verdict: Sendable, Equatable {
        /// For how many seconds further tries are refused unseen.
        public var delay: Double
        /// Whether it is the one that somebody should look at.
        public var isAlarming: Bool
    }

    /// Counts a failure; as many as were forgotten since the last one do not count any more.
    public mutating func fail(_ settings: LimitSettings.Failures, at now: UInt64) -> Verdict {
        let quiet = Double(now > last ? now - last : 0) / 1000
        if quiet >= settings.forgetAfter {
            failures = 0
            wasAlarmed = false
        }
        last = now
        failures += 1
        let excess = failures - settings.free
        let delay =
            excess <= 0 ? 0 : min(settings.longestDelay, settings.firstDelay * Double(UInt64(1) << min(excess - 1, 40)))
        until = now + UInt64(delay * 1000)
        let isAlarming = failures >= settings.alarm && !wasAlarmed
        if isAlarming { wasAlarmed = true }
        return Verdict(delay: delay, isAlarming: isAlarming)
    }

    /// After how many seconds the next try is looked at; nil for now.
    public func wait(at now: UInt64) -> Double? { now < until ? Double(until - now) / 1000 : nil }
}
