/// How long somebody has to wait after failed credentials: nothing for the first few, then twice as long each time.
public struct FailureDelay: Sendable, Equatable {
    private var failures = 0
    /// Tries that were refused unseen.
    private var pressed = 0
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
            pressed = 0
            wasAlarmed = false
        }
        last = now
        failures += 1
        let excess = failures - settings.free
        let delay =
            excess <= 0 ? 0 : min(settings.longestDelay, settings.firstDelay * Double(UInt64(1) << min(excess - 1, 40)))
        until = now + UInt64(delay * 1000)
        return Verdict(delay: delay, isAlarming: alarms(settings))
    }

    /// Counts a try that is refused unseen; the delay stays what it is.
    ///
    /// - Returns: whether it is the one that somebody should look at.
    public mutating func press(_ settings: LimitSettings.Failures) -> Bool {
        pressed += 1
        return alarms(settings)
    }

    private mutating func alarms(_ settings: LimitSettings.Failures) -> Bool {
        guard failures + pressed >= settings.alarm, !wasAlarmed else { return false }
        wasAlarmed = true
        return true
    }

    /// After how many seconds the next try is looked at; nil for now.
    public func wait(at now: UInt64) -> Double? { now < until ? Double(until - now) / 1000 : nil }
}
