internal import Foundation

/// What a connector says about itself; never better than its last proven round trip.
public struct ConnectorStatus: Codable, Sendable, Equatable {
    /// How the connector stands.
    public enum State: String, Codable, Sendable {
        /// A round trip through the queue was proven within the last 15 seconds.
        case online
        /// The link is up, and no round trip has been proven lately.
        case unproven
        /// There is no link to the queue.
        case disconnected
        /// It finishes what it has and takes no more.
        case draining
    }

    /// The state.
    public var state: State
    /// Why, in a sentence.
    public var reason: String
    /// For how many seconds the state has lasted.
    public var forSeconds: Double
    /// What the administrator can do about it; nil when there is nothing to do.
    public var nextAction: String?
    /// The tenant's name.
    public var tenant: String
    /// The connector's id.
    public var connector: String
    /// The connector's name.
    public var name: String
    /// The groups that it serves.
    public var groups: [String]
    /// The services that it offers, with their kinds.
    public var services: [String: String]
    /// This process.
    public var boot: String
    /// Which start of the connector this is.
    public var bootNumber: UInt64
    /// The program's version.
    public var version: String
    /// How many requests it has.
    public var inFlight: Int
    /// How many requests it has finished since it started.
    public var finished: UInt64
    /// How many dispatchers it knows.
    public var dispatchers: Int
    /// The last proven round trip.
    public var lastRoundTrip: RoundTrip?
    /// By how many seconds the local clock is ahead of the tenant's.
    public var clockDriftSeconds: Double
    /// When the certificate ends, RFC 3339.
    public var certificateNotAfter: String?

    /// A way through the queue to a dispatcher and back.
    public struct RoundTrip: Codable, Sendable, Equatable {
        /// How long it took, in milliseconds.
        public var milliseconds: Double
        /// How many seconds ago it was proven.
        public var ageSeconds: Double
        /// The dispatcher's process that answered.
        public var dispatcher: String

        enum CodingKeys: String, CodingKey {
            case milliseconds
            case ageSeconds = "age_seconds"
            case dispatcher
        }
    }

    enum CodingKeys: String, CodingKey {
        case state, reason, tenant, connector, name, groups, services, boot, version, finished, dispatchers
        case forSeconds = "for_seconds"
        case nextAction = "next_action"
        case bootNumber = "boot_number"
        case inFlight = "in_flight"
        case lastRoundTrip = "last_round_trip"
        case clockDriftSeconds = "clock_drift_seconds"
        case certificateNotAfter = "certificate_not_after"
    }
}
