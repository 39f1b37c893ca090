/// The body of `POST /v1/connectors/{id or name}/drain`, `…/pause` and `…/resume`; every field may be left out.
public struct ConnectorOrder: Codable, Sendable, Equatable {
    /// Of a drain: how many seconds running requests may take; of a pause: how many it lasts, nil until resumed.
    public var seconds: Double?
    /// Why, for people.
    public var note: String?

    /// Makes an order.
    public init(seconds: Double? = nil, note: String? = nil) {
        self.seconds = seconds
        self.note = note
    }
}

/// What was sent to a connector, and what it has shown since.
public struct ConnectorOrderAnswer: Codable, Sendable, Equatable {
    /// The connector's id.
    public var connector: String
    /// Its name.
    public var name: String
    /// The process that was told.
    public var boot: String
    /// `drain`, `pause` or `resume`.
    public var order: String
    /// Whether it has shown within three seconds that it obeys.
    public var isConfirmed: Bool
    /// What it says of itself now: `ready`, `draining` or `paused`; nil when it is gone.
    public var readiness: String?
    /// How many requests it still has.
    public var inFlight: UInt32

    /// Makes an answer.
    public init(
        connector: String, name: String, boot: String, order: String, isConfirmed: Bool, readiness: String?,
        inFlight: UInt32
    ) {
        self.connector = connector
        self.name = name
        self.boot = boot
        self.order = order
        self.isConfirmed = isConfirmed
        self.readiness = readiness
        self.inFlight = inFlight
    }

    enum CodingKeys: String, CodingKey {
        case connector, name, boot, order, readiness
        case isConfirmed = "confirmed"
        case inFlight = "in_flight"
    }
}
