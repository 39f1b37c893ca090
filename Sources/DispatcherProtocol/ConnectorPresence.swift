/// The tenant's connectors as its dispatcher sees them: the answer of `GET /v1/presence`.
public struct TenantPresence: Codable, Sendable, Equatable {
    /// Those that have been seen lately, each by its newest process, in the order of their names.
    public var connectors: [ConnectorPresence]

    /// Joins the connectors.
    public init(connectors: [ConnectorPresence]) {
        self.connectors = connectors
    }
}

/// One connector as the dispatcher sees it; never better than the last proven round trip.
public struct ConnectorPresence: Codable, Sendable, Equatable {
    /// A service that a connector offers.
    public struct Service: Codable, Sendable, Equatable {
        /// The service's name.
        public var name: String
        /// The class of all its requests, where its configuration states one.
        public var requestClass: String?
        /// Whether it honours `Idempotency-Key`.
        public var honoursIdempotencyKey: Bool

        /// Describes a service.
        public init(name: String, requestClass: String?, honoursIdempotencyKey: Bool) {
            self.name = name
            self.requestClass = requestClass
            self.honoursIdempotencyKey = honoursIdempotencyKey
        }

        enum CodingKeys: String, CodingKey {
            case name
            case requestClass = "class"
            case honoursIdempotencyKey = "honours_idempotency_key"
        }
    }

    /// The connector's id.
    public var connector: String
    /// Its name.
    public var name: String
    /// `online`, `paused`, `draining`, `unproven`, `suspect` or `lost`.
    public var standing: String
    /// Why, in a sentence.
    public var reason: String
    /// How many seconds ago the last proof came that the standing rests on.
    public var ageSeconds: Double
    /// What the operator can do about it; nil when there is nothing to do.
    public var nextAction: String?
    /// What it says of itself: `ready`, `draining` or `paused`.
    public var readiness: String
    /// Why it takes no work, in the words of whoever ordered it; empty otherwise.
    public var note: String
    /// How many seconds ago its last beat came.
    public var lastBeatSeconds: Double
    /// How many seconds ago it last answered this dispatcher; nil when it has not.
    public var lastAnswerSeconds: Double?
    /// The groups that it serves, by id.
    public var groups: [String]
    /// The services that it offers.
    public var services: [Service]
    /// How many requests it has.
    public var inFlight: UInt32
    /// How many more it would take.
    public var credit: UInt32
    /// Its program's version.
    public var version: String
    /// Its process.
    public var boot: String
    /// Which start of the connector this is.
    public var bootNumber: UInt64

    /// Describes a connector.
    public init(
        connector: String, name: String, standing: String, reason: String, ageSeconds: Double, nextAction: String?,
        readiness: String, note: String, lastBeatSeconds: Double, lastAnswerSeconds: Double?, groups: [String],
        services: [Service], inFlight: UInt32, credit: UInt32, version: String, boot: String, bootNumber: UInt64
    ) {
        self.connector = connector
        self.name = name
        self.standing = standing
        self.reason = reason
        self.ageSeconds = ageSeconds
        self.nextAction = nextAction
        self.readiness = readiness
        self.note = note
        self.lastBeatSeconds = lastBeatSeconds
        self.lastAnswerSeconds = lastAnswerSeconds
        self.groups = groups
        self.services = services
        self.inFlight = inFlight
        self.credit = credit
        self.version = version
        self.boot = boot
        self.bootNumber = bootNumber
    }

    enum CodingKeys: String, CodingKey {
        case connector, name, standing, reason, readiness, note, groups, services, credit, version, boot
        case ageSeconds = "age_seconds"
        case nextAction = "next_action"
        case lastBeatSeconds = "last_beat_seconds"
        case lastAnswerSeconds = "last_answer_seconds"
        case inFlight = "in_flight"
        case bootNumber = "boot_number"
    }
}
