public import BrokerCore
public import RelayFormat

/// A running broker and the ways to reach it, as the conformance suite needs them.
public protocol BrokerSite: Sendable {
    /// What the site can show.
    var abilities: Set<SiteAbility> { get }
    /// The clock by which the broker tells the time.
    var clock: RelayClock { get }
    /// Reaches the broker as the given party would: by a connection of its own, where there are connections.
    ///
    /// It is asked once for each party, and again after the party was cut.
    func connect(_ party: Party) async throws -> any Broker
    /// Breaks the party's connection without a farewell; needs `cutsLinks`.
    func cut(_ party: Party) async throws
    /// Lets time pass for the broker, which acts on what is due then; needs `turnsClock`.
    func advance(by time: Duration) async throws
    /// Ends everything.
    func stop() async
}

/// What some sites cannot show.
public enum SiteAbility: String, Sendable, CaseIterable {
    /// `advance` works.
    case turnsClock
    /// `cut` works, and the broker sees a broken link at once.
    case cutsLinks
    /// The broker keeps to the limits that it was started with.
    case obeysLimits
    /// The broker leases single records, with the lease time of its limits.
    case leases
    /// What was settled stays so, although other members come and go at that moment.
    ///
    /// librdkafka's mock cluster refuses all commits while a group is shared out anew; Kafka takes them.
    case settlesMeanwhile
}

/// Who uses a broker.
public struct Party: Sendable, Hashable {
    /// What the party is in the relay, so that a site can give it the right credential.
    public enum Role: Sendable {
        /// Sends to groups and to inboxes of connectors, watches presence.
        case dispatcher
        /// Subscribes to its group, sends to inboxes of dispatchers and beats.
        case connector
    }

    /// What it is.
    public var role: Role
    /// Its tenant.
    public var tenant: TenantID
    /// Its group, or the one that the case is about.
    public var group: GroupID
    /// Its boot.
    public var boot: BootID

    /// The queue of its group.
    public var groupPlace: GroupPlace { GroupPlace(tenant: tenant, group: group) }
    /// Its own inbox.
    public var inboxPlace: InboxPlace { InboxPlace(tenant: tenant, boot: boot) }

    /// Makes a party with a boot of its own.
    public init(_ role: Role, tenant: TenantID, group: GroupID) {
        self.role = role
        self.tenant = tenant
        self.group = group
        boot = .random()
    }
}
