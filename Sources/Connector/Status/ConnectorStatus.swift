internal import Foundation

/// What a connector says about itself; never better than its last proven round trip.
public struct ConnectorStatus: Codable, Sendable, Equatable {
    /// How the connector stands.
    public enum State: String, Codable, Sendable, CaseIterable {
        /// It takes work, and a round trip through the queue was proven within the last 15 seconds.
        case online
        /// A round trip was proven lately, and it was told to take no work for a while.
        case paused
        /// The link is up, and no round trip has been proven lately.
        case unproven
        /// There is no link to the queue.
        case disconnected
        /// The tenant lets it take no work and hears nothing from it, until an administrator lets it in again.
        case frozen
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
    /// How many requests it has: running, waiting for leave to run, or for the receipt of their answer.
    public var inFlight: Int
    /// What the requests that it has are doing.
    public var requests: Requests
    /// How many requests it has finished since it started.
    public var finished: UInt64
    /// How many dispatchers it knows.
    public var dispatchers: Int
    /// The pause that was ordered; nil when there is none.
    public var pause: Pause?
    /// How far the drain has come; nil when it was not told to stop.
    public var drain: Drain?
    /// What the journal holds; nil where none is kept.
    public var journal: Journal?
    /// By what it seals; nil where nothing has to be.
    public var sealing: Sealing?
    /// The queue that tenant and connector share; nil where none is known yet.
    public var queue: Queue?
    /// The last proven round trip.
    public var lastRoundTrip: RoundTrip?
    /// By how many seconds the local clock is ahead of the tenant's.
    public var clockDriftSeconds: Double
    /// When the certificate ends, RFC 3339.
    public var certificateNotAfter: String?
    /// The certificate and its renewal; nil where none is kept.
    public var certificate: Certificate?

    enum CodingKeys: String, CodingKey {
        case state, reason, tenant, connector, name, groups, services, boot, version, requests, finished, dispatchers
        case pause, drain, journal, certificate, sealing, queue
        case forSeconds = "for_seconds"
        case nextAction = "next_action"
        case bootNumber = "boot_number"
        case inFlight = "in_flight"
        case lastRoundTrip = "last_round_trip"
        case clockDriftSeconds = "clock_drift_seconds"
        case certificateNotAfter = "certificate_not_after"
    }
}
