/// Who of a group is there: the answer of `GET /v1/groups/{group}/presence`.
public struct GroupPresence: Codable, Sendable, Equatable {
    /// The group's name.
    public var group: String
    /// Its connectors that have been seen lately.
    public var connectors: [Member]

    /// One connector's process.
    public struct Member: Codable, Sendable, Equatable {
        /// The connector's id.
        public var connector: String
        /// Its name.
        public var name: String
        /// `online`, `suspect` or `lost`.
        public var standing: String
        /// `ready` or `draining`.
        public var readiness: String
        /// How many seconds ago its last beat came.
        public var lastBeatSeconds: Double
        /// The services that it offers.
        public var services: [String]
        /// How many requests it has.
        public var inFlight: UInt32
        /// How many more it would take.
        public var credit: UInt32
        /// Its program's version.
        public var version: String
        /// Which start of the connector this is.
        public var bootNumber: UInt64

        /// Describes a process.
        public init(
            connector: String, name: String, standing: String, readiness: String, lastBeatSeconds: Double,
            services: [String], inFlight: UInt32, credit: UInt32, version: String, bootNumber: UInt64
        ) {
            self.connector = connector
            self.name = name
            self.standing = standing
            self.readiness = readiness
            self.lastBeatSeconds = lastBeatSeconds
            self.services = services
            self.inFlight = inFlight
            self.credit = credit
            self.version = version
            self.bootNumber = bootNumber
        }

        enum CodingKeys: String, CodingKey {
            case connector, name, standing, readiness, services, credit, version
            case lastBeatSeconds = "last_beat_seconds"
            case inFlight = "in_flight"
            case bootNumber = "boot_number"
        }
    }

    /// Describes a group.
    public init(group: String, connectors: [Member]) {
        self.group = group
        self.connectors = connectors
    }
}
