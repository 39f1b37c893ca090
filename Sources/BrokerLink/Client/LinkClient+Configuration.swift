public import ForwardProxy
public import NIOSSL

extension LinkClient {
    /// Where the broker is, and the limits of the way there.
    public struct Configuration: Sendable {
        /// The tenant's host.
        public var host: String
        /// The tenant's port.
        public var port: Int
        /// The path of the link.
        public var path: String
        /// Whom to trust as the tenant.
        public var tls: TLSConfiguration
        /// The name that the tenant's certificate has to have; nil for `host`.
        public var serverName: String?
        /// The HTTP proxy on the way; nil for none.
        public var proxy: ForwardingProxy?
        /// How long a connection, from its name to the end of the authentication, may take.
        public var connectTimeout: Duration
        /// How silence is noticed.
        public var timing: LinkTiming
        /// The most records that wait for a link to come.
        public var waitingRecords: Int
        /// How long they wait.
        public var waitingTime: Duration
        /// How long a subscription, an inbox or a watch may take to open.
        public var openingTime: Duration
        /// The most bytes that wait to leave; beyond it sends are `overloaded`.
        public var backlogBytes: Int

        /// Makes a configuration with the usual limits.
        public init(
            host: String, port: Int, path: String = "/v1/link", tls: TLSConfiguration, serverName: String? = nil,
            proxy: ForwardingProxy? = nil, connectTimeout: Duration = .seconds(10), timing: LinkTiming = LinkTiming(),
            waitingRecords: Int = 256, waitingTime: Duration = .seconds(5), openingTime: Duration = .seconds(10),
            backlogBytes: Int = 16 << 20
        ) {
            self.host = host
            self.port = port
            self.path = path
            self.tls = tls
            self.serverName = serverName
            self.proxy = proxy
            self.connectTimeout = connectTimeout
            self.timing = timing
            self.waitingRecords = waitingRecords
            self.waitingTime = waitingTime
            self.openingTime = openingTime
            self.backlogBytes = backlogBytes
        }
    }
}
