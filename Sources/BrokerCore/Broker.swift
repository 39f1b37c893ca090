public import RelayFormat

/// A queue that tenant and connectors share, and that neither has to trust.
///
/// Promised: at least once until a record expires; expired records are settled, never delivered; memory bounded by
/// credit and limits. Not promised: exactly once, global order, secrecy or authenticity. `BrokerConformance` holds
/// every implementation to this.
public protocol Broker: Sendable {
    /// What this broker can do.
    var capabilities: BrokerCapabilities { get }

    /// Makes the queue of a group if it is not there; repeating it changes nothing.
    ///
    /// - Throws: `notSupported` where queues are made elsewhere.
    func provision(_ group: GroupPlace) async throws(BrokerError)

    /// Stores records, each as durable as it asks, and says for each of them what became of it, in the same order.
    func send(_ records: [OutgoingRecord]) async -> [SendOutcome]

    /// Joins the members of a group, which compete for its records.
    ///
    /// - Parameters:
    ///   - member: the boot that works; a second subscription of the same boot to the same group replaces the first.
    ///   - credit: how many unsettled deliveries the member holds at most.
    func subscribe(
        to group: GroupPlace, as member: BootID, credit: Int
    ) async throws(BrokerError) -> any GroupSubscription

    /// Opens the inbox of a boot; returns when what is sent from now on will arrive.
    ///
    /// A second opening of the same inbox replaces the first. Closing it is seen by those who watch presence.
    func openInbox(_ inbox: InboxPlace) async throws(BrokerError) -> any Inbox

    /// Watches the presence of a tenant from now on.
    func watchPresence(of tenant: TenantID) async throws(BrokerError) -> any PresenceWatch

    /// Ends everything that was opened here; what was stored stays.
    func close() async
}

extension Broker {
    /// Stores one record.
    ///
    /// - Throws: what became of it, when it was not stored.
    public func send(_ record: OutgoingRecord) async throws(BrokerError) {
        if case .failed(let error) = await send([record])[0] { throw error }
    }
}

/// What became of a record that was sent.
public enum SendOutcome: Sendable, Equatable {
    /// It is stored as durably as it asked.
    case stored
    /// It is not, or nobody knows.
    case failed(BrokerError)
}

/// What a broker can do.
public struct BrokerCapabilities: Sendable, Equatable {
    /// The broker's name, for people.
    public var name: String
    /// The largest payload in bytes.
    public var largestPayload: Int
    /// The most that a record can ask to survive.
    public var durability: Durability
    /// Whether `provision` is supported.
    public var canProvision: Bool
    /// Whether `PresenceEvent.closed` comes as soon as a member's link ends.
    public var seesClosedLinks: Bool
    /// Whether the records of a group come in the order in which they were stored.
    public var keepsOrder: Bool

    /// Makes a description.
    public init(
        name: String, largestPayload: Int, durability: Durability, canProvision: Bool, seesClosedLinks: Bool,
        keepsOrder: Bool = true
    ) {
        self.name = name
        self.largestPayload = largestPayload
        self.durability = durability
        self.canProvision = canProvision
        self.seesClosedLinks = seesClosedLinks
        self.keepsOrder = keepsOrder
    }
}

extension BrokerCapabilities {
    /// How often those that share the broker say that they are there: where nobody sees a link close, silence alone
    /// tells that a process has gone, and it has to tell so soon.
    public var beat: Duration { seesClosedLinks ? .seconds(1) : .milliseconds(500) }
}

/// A member's place in a group.
public protocol GroupSubscription: Sendable {
    /// Waits for what happens next; nil when the subscription is closed. For one caller at a time.
    func next() async -> [GroupEvent]?

    /// Settles deliveries for good and gives their credit back.
    ///
    /// - Returns: the tokens that were fenced: their lease had ended, and the record is another's or will be.
    @discardableResult
    func complete(_ tokens: [DeliveryToken]) async throws(BrokerError) -> [DeliveryToken]

    /// Prolongs leases by the broker's lease time from now.
    ///
    /// - Returns: the tokens that were fenced.
    @discardableResult
    func extend(_ tokens: [DeliveryToken]) async throws(BrokerError) -> [DeliveryToken]

    /// Leaves the group: unsettled deliveries go to other members at once, as possible redeliveries.
    func close() async
}

/// The reading end of an inbox.
public protocol Inbox: Sendable {
    /// Waits for records, all control frames before any data; nil when the inbox is closed. For one caller at a time.
    func next() async -> [[UInt8]]?

    /// Closes the inbox; what was not read is dropped.
    func close() async
}

/// A view of a tenant's presence.
public protocol PresenceWatch: Sendable {
    /// Waits for events; nil when the watch is closed. For one caller at a time.
    ///
    /// A watcher that is too slow loses old beats, never a `closed`.
    func next() async -> [PresenceEvent]?

    /// Ends the watch.
    func close() async
}
