/// How much the enrollment port takes: the file of `postern-tenant serve --limits`.
public struct LimitSettings: Sendable, Equatable {
    /// What failed credentials cost.
    public struct Failures: Sendable, Equatable {
        /// How many cost nothing.
        public var free = 10
        /// The delay after the first that costs, in seconds; it doubles with each further one.
        public var firstDelay = 1.0
        /// The longest delay in seconds.
        public var longestDelay = 60.0
        /// After how many seconds without a failure all are forgotten.
        public var forgetAfter = 600.0
        /// The failure that raises the alarm.
        public var alarm = 100

        /// The usual costs.
        public init() {}
    }

    /// What one connection may take.
    public struct Port: Sendable, Equatable {
        /// From its opening, with the TLS handshake, to the end of its first request's head, in seconds.
        public var firstRequest = 10.0
        /// For the body of one request, in seconds.
        public var body = 30.0
        /// Without a request, in seconds.
        public var idle = 60.0
        /// All header fields of a request together, in bytes.
        public var head = 48 * 1024
        /// Connections at a time; more wait in the backlog.
        public var connections = 8192

        /// The usual bounds.
        public init() {}
    }

    /// What one source address may ask for.
    public var source: [RouteClass: RequestRate]
    /// What one member, administrator, key or account may ask for.
    public var principal: [RouteClass: RequestRate]
    /// What failed credentials cost.
    public var failures: Failures
    /// How many sources, and how many principals, are remembered at a time.
    public var entries: Int
    /// What one connection may take.
    public var port: Port

    /// The usual limits: far above what a fleet behind one address needs.
    public init() {
        source = [
            .open: RequestRate(perSecond: 100, burst: 1000),
            .registration: RequestRate(perSecond: 50, burst: 500),
            .token: RequestRate(perSecond: 100, burst: 2000),
            .administration: RequestRate(perSecond: 200, burst: 2000),
        ]
        principal = [
            .registration: RequestRate(perSecond: 10, burst: 300),
            .token: RequestRate(perSecond: 5, burst: 100),
            .member: RequestRate(perSecond: 20, burst: 200),
            .administration: RequestRate(perSecond: 100, burst: 1000),
        ]
        failures = Failures()
        entries = 65_536
        port = Port()
    }

    /// No limits but those of a connection.
    public static var unlimited: LimitSettings {
        var settings = LimitSettings()
        settings.source = [:]
        settings.principal = [:]
        settings.failures.free = .max
        settings.failures.alarm = .max
        return settings
    }
}
