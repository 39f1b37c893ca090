extension ConnectorStatus {
    /// The queue that tenant and connector share.
    public struct Queue: Codable, Sendable, Equatable {
        /// `embedded` or `kafka`.
        public var kind: String
        /// Where it is, `host:port`; several by commas.
        public var server: String
        /// How the connector logs in to Kafka.
        public var security: String?
        /// The library by which Kafka is spoken, with its version.
        public var library: String?

        /// Describes a queue.
        public init(kind: String, server: String, security: String? = nil, library: String? = nil) {
            self.kind = kind
            self.server = server
            self.security = security
            self.library = library
        }
    }

    /// Names the queue, and what to do where it is not reached.
    public mutating func tell(_ queue: Queue, advice: String) {
        self.queue = queue
        if state == .disconnected { nextAction = advice }
    }
}
