internal import NIOCore
public import NIOSSL

extension PortService {
    /// Where and within which limits a port listens.
    public struct Configuration: Sendable {
        /// The address to listen on.
        public var host: String
        /// The port to listen on; 0 takes a free one.
        public var port: Int
        /// Certificate and key; versions, client certificates and ALPN are set by the port itself.
        public var tls: TLSConfiguration
        /// How long a connection may take from its opening to the end of its first request's head.
        public var firstRequestTimeout: Duration
        /// How long a connection may stay without a request.
        public var idleTimeout: Duration
        /// How long one request's body may take to arrive.
        public var bodyTimeout: Duration
        /// How long requests in progress may go on after the shutdown began.
        public var drainTimeout: Duration
        /// The most bytes of all header fields of a request together.
        public var largestHead: Int
        /// The largest WebSocket frame in bytes.
        public var largestFrame: Int
        /// The most connections at a time; more wait in the backlog.
        public var maximumConnections: Int

        /// Makes a configuration with the usual limits.
        public init(
            host: String, port: Int, tls: TLSConfiguration, firstRequestTimeout: Duration = .seconds(10),
            idleTimeout: Duration = .seconds(60), bodyTimeout: Duration = .seconds(30),
            drainTimeout: Duration = .seconds(30), largestHead: Int = 48 * 1024, largestFrame: Int = 2 << 20,
            maximumConnections: Int = 8192
        ) {
            self.host = host
            self.port = port
            self.tls = tls
            self.firstRequestTimeout = firstRequestTimeout
            self.idleTimeout = idleTimeout
            self.bodyTimeout = bodyTimeout
            self.drainTimeout = drainTimeout
            self.largestHead = largestHead
            self.largestFrame = largestFrame
            self.maximumConnections = maximumConnections
        }

        /// The TLS settings that are the same for every tenant.
        ///
        /// HTTP/1.1 alone is offered, since a WebSocket upgrade knows no other; the wait for the other end's
        /// `close_notify` is short, since an idle client that never sends one would hold the shutdown up.
        var effectiveTLS: TLSConfiguration {
            var tls = tls
            tls.minimumTLSVersion = .tlsv12
            tls.certificateVerification = .optionalVerification
            tls.applicationProtocols = ["http/1.1"]
            tls.shutdownTimeout = .milliseconds(250)
            return tls
        }
    }
}
