public import Foundation

/// `POST /v1/queue-credentials`: asks for what one process start needs at the broker.
public struct QueueCredentialsRequest: EnrollmentRequest, Equatable {
    /// The boot's id, 26 characters of base32; a boot that asks again under the same id keeps its number.
    public var bootID: String
    /// Whether the process only looks, as `postern ping` does: it gets the number 0 and takes no other one's place.
    public var observer: Bool?

    /// Makes a request.
    public init(bootID: String, observer: Bool? = nil) {
        self.bootID = bootID
        self.observer = observer
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case observer
        case bootID = "boot_id"
    }

    public static var fields: [String] { CodingKeys.allCases.map(\.rawValue) }
}

/// The answer to `POST /v1/queue-credentials`.
public struct QueueCredentialsAnswer: Codable, Sendable, Equatable {
    /// Where the broker is.
    public var broker: BrokerEndpoint
    /// The credential for this boot alone.
    ///
    /// At the link it counts only with a proof of the identity key (`LinkProof`). Empty where a Kafka cluster asks for something else than a token.
    public var token: String
    /// Until when the credential is valid; fetch the next one at half of its life.
    public var expiresAt: Date
    /// The number of the boot: the higher number wins; 0 for an observer.
    public var bootNumber: Int64
    /// The places that it opens.
    public var places: Places
    /// The limits that the broker keeps.
    public var limits: QueueLimits

    /// Makes an answer.
    public init(
        broker: BrokerEndpoint, token: String, expiresAt: Date, bootNumber: Int64, places: Places, limits: QueueLimits
    ) {
        self.broker = broker
        self.token = token
        self.expiresAt = expiresAt
        self.bootNumber = bootNumber
        self.places = places
        self.limits = limits
    }

    enum CodingKeys: String, CodingKey {
        case broker, token, places, limits
        case expiresAt = "expires_at"
        case bootNumber = "boot_number"
    }
}

/// Where a broker is.
public struct BrokerEndpoint: Codable, Sendable, Equatable {
    /// The kind; `embedded` is the link at the tenant's own port.
    public var kind: String
    /// The path of the link at the tenant's port, for the kind `embedded`.
    public var path: String?
    /// The cluster, for the kind `kafka`.
    public var kafka: KafkaEndpoint?

    /// Makes an endpoint.
    public init(kind: String, path: String? = nil, kafka: KafkaEndpoint? = nil) {
        self.kind = kind
        self.path = path
        self.kafka = kafka
    }

    /// A Kafka cluster.
    public static func kafka(_ endpoint: KafkaEndpoint) -> BrokerEndpoint {
        BrokerEndpoint(kind: "kafka", kafka: endpoint)
    }

    /// The link at the tenant's own port.
    public static let embedded = BrokerEndpoint(kind: "embedded", path: "/v1/link")
}

/// What a member may read and write, from which its places at the broker follow.
public struct Places: Codable, Sendable, Equatable {
    /// The tenant's id.
    public var tenantID: String
    /// The member's id.
    public var memberID: String
    /// The groups whose queues it reads.
    public var groups: [GroupReference]

    /// Makes a set of places.
    public init(tenantID: String, memberID: String, groups: [GroupReference]) {
        self.tenantID = tenantID
        self.memberID = memberID
        self.groups = groups
    }

    enum CodingKeys: String, CodingKey {
        case groups
        case tenantID = "tenant_id"
        case memberID = "member_id"
    }
}

/// The limits that the broker keeps for a member.
public struct QueueLimits: Codable, Sendable, Equatable {
    /// The largest record in bytes.
    public var recordBytes: Int
    /// How many records it may hold unsettled at a time.
    public var inFlight: Int

    /// Makes a set of limits.
    public init(recordBytes: Int, inFlight: Int) {
        self.recordBytes = recordBytes
        self.inFlight = inFlight
    }

    enum CodingKeys: String, CodingKey {
        case recordBytes = "record_bytes"
        case inFlight = "in_flight"
    }
}
