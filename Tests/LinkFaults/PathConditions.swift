/// What a network path does to the connections on it just now.
public struct PathConditions: Sendable, Equatable {
    /// What happens to bytes that go one way.
    public enum Carriage: Sendable, Equatable {
        /// They arrive.
        case passes
        /// They are lost, and nobody is told: a black hole, or half of one.
        case loses
        /// They wait, as with a network that loses packets and senders that repeat them.
        case holds
    }

    /// One way of the path.
    public struct Way: Sendable, Equatable {
        /// What happens to the bytes.
        public var carriage = Carriage.passes
        /// How much later than sent they arrive.
        public var delay = Duration.zero
        /// The most bytes that arrive in a second; nil for as many as come.
        public var bytesPerSecond: Int?
        /// Turns one bit of the next bytes around, in each connection.
        public var flipsBit = false

        /// A way that does nothing.
        public init(carriage: Carriage = .passes, delay: Duration = .zero, flipsBit: Bool = false) {
            self.carriage = carriage
            self.delay = delay
            self.flipsBit = flipsBit
        }
    }

    /// What goes to the tenant.
    public var toTenant = Way()
    /// What comes from the tenant.
    public var fromTenant = Way()
    /// New connections are reset.
    public var refuses = false
    /// Connections on which nothing has moved for so long are reset.
    public var idleLimit: Duration?

    /// A path that does nothing.
    public init() {}

    /// Whether connections that begin now get anywhere.
    var isBlackHole: Bool { toTenant.carriage != .passes && fromTenant.carriage != .passes }
}
