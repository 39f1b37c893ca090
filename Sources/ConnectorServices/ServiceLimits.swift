/// How much of a service the tenant may use at a time; what is beyond is given back, and tried again later.
public struct ServiceLimits: Sendable, Equatable {
    /// The most requests at a time; nil for no bound but the connector's own.
    public var concurrency: Int?
    /// How often a request may start; nil for no bound.
    public var rate: Rate?

    /// A number of starts in a time, and how many of them may come at once.
    public struct Rate: Sendable, Equatable {
        /// The time between two starts when they come evenly.
        public var interval: Duration
        /// How many may start at once after a pause.
        public var burst: Int

        /// Makes a rate of `count` starts in `period`; a burst is a second's worth unless said otherwise.
        public init(_ count: Int, per period: Duration, burst: Int? = nil) {
            interval = period / max(1, count)
            self.burst = max(1, burst ?? (interval > .zero ? Int(min(Duration.seconds(1) / interval, 1e6)) : 1))
        }
    }

    /// Makes limits; none by default.
    public init(concurrency: Int? = nil, rate: Rate? = nil) {
        self.concurrency = concurrency
        self.rate = rate
    }
}
