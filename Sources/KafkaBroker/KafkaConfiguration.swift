public import BrokerCore
public import KafkaTopology

/// A Kafka cluster as one process uses it.
public struct KafkaConfiguration: Sendable {
    /// Servers to begin with, `host:port` by commas.
    public var bootstrap: String
    /// Where places lie.
    public var layout: KafkaLayout
    /// Which end of the relay the process is.
    public var role: KafkaLayout.Role
    /// The group whose work the process shares in with its one consumer; a second group takes a second consumer.
    public var group: GroupPlace?
    /// How the process proves who it is, and knows the servers.
    public var security: KafkaSecurity
    /// What the cluster sees as the client's name in its logs and quotas.
    public var clientID: String
    /// Finds another way to a server, as through a proxy; nil for straight connections.
    ///
    /// It gets a server's host and port and gives back a port on 127.0.0.1; it is called on librdkafka's threads and
    /// may block there.
    public var route: (@Sendable (_ host: String, _ port: UInt16) -> UInt16?)?
    /// Settings of librdkafka that are passed on as they are; they win over the usual ones.
    public var properties: [String: String]
    /// The bounds.
    public var limits: Limits

    /// What is bounded.
    public struct Limits: Sendable {
        /// The largest payload in bytes.
        public var largestPayload = 900_000
        /// The most bytes that wait to leave; beyond them sends are `overloaded`.
        public var backlogBytes = 16 << 20
        /// The most bytes that are fetched ahead of whoever reads.
        public var fetchedBytes = 8 << 20
        /// How long a record may wait to be stored.
        public var sendTime = Duration.seconds(10)
        /// How long the opening of a subscription, an inbox or a watch may take.
        public var openingTime = Duration.seconds(15)
        /// After this a group's records that nobody takes go to other members.
        ///
        /// The library cannot see that nobody does, as its queue goes on being served.
        public var longestStall = Duration.seconds(30)

        /// The usual bounds.
        public init() {}
    }

    /// Describes a cluster.
    public init(
        bootstrap: String, layout: KafkaLayout = .init(), role: KafkaLayout.Role, group: GroupPlace? = nil,
        security: KafkaSecurity = .init(), clientID: String = "postern",
        route: (@Sendable (_ host: String, _ port: UInt16) -> UInt16?)? = nil, properties: [String: String] = [:],
        limits: Limits = .init()
    ) {
        self.bootstrap = bootstrap
        self.layout = layout
        self.role = role
        self.group = group
        self.security = security
        self.clientID = clientID
        self.route = route
        self.properties = properties
        self.limits = limits
    }
}
