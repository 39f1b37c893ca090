internal import BrokerCore
internal import RelayFormat

/// What a case plays on: a site, one tenant with one group, and short ways to do the usual.
struct ConformanceStage: Sendable {
    let site: any BrokerSite
    let limits: BoardLimits
    let tenant = TenantID.random()
    let group = GroupID.random()

    var groupPlace: GroupPlace { GroupPlace(tenant: tenant, group: group) }

    /// Reaches the broker as a new party, with the group's queue in place.
    func connect(_ role: Party.Role, tenant: TenantID? = nil) async throws -> Client {
        let party = Party(role, tenant: tenant ?? self.tenant, group: group)
        let broker = try await site.connect(party)
        if role == .dispatcher, broker.capabilities.canProvision { try await broker.provision(party.groupPlace) }
        return Client(party: party, broker: broker, clock: site.clock)
    }

    /// The deliveries, without those that come again and say so, where settlements may be lost as members come and go.
    func first(of deliveries: [Delivery]) -> [Delivery] {
        guard !site.abilities.contains(.settlesMeanwhile) else { return deliveries }
        var seen: Set<[UInt8]> = []
        return deliveries.filter { seen.insert($0.payload).inserted || !$0.mayBeRedelivery }
    }

    func cut(_ client: Client) async throws {
        try await site.cut(client.party)
    }
}

/// A party with its way to the broker.
struct Client: Sendable {
    let party: Party
    let broker: any Broker
    let clock: RelayClock

    func record(
        _ text: String, to place: Place, lane: Lane = .control, durability: Durability = .process,
        living time: Duration = .seconds(300)
    ) -> OutgoingRecord {
        OutgoingRecord(
            to: place, payload: Array(text.utf8), expiresAt: clock.now + time, durability: durability, lane: lane)
    }

    func send(
        _ text: String, to place: Place, lane: Lane = .control, durability: Durability = .process,
        living time: Duration = .seconds(300)
    ) async throws {
        try await broker.send(record(text, to: place, lane: lane, durability: durability, living: time))
    }

    /// Sends records to the party's group, in one array, and expects that all are stored.
    func work(_ texts: [String]) async throws {
        let outcomes = await broker.send(texts.map { record($0, to: .group(party.groupPlace)) })
        try expectEqual(outcomes, texts.map { _ in .stored }, "outcomes")
    }

    func join(credit: Int) async throws -> Member {
        Member(try await broker.subscribe(to: party.groupPlace, as: party.boot, credit: credit), credit: credit)
    }

    func openInbox() async throws -> InboxReader {
        InboxReader(try await broker.openInbox(party.inboxPlace))
    }

    func watch() async throws -> Watcher {
        Watcher(try await broker.watchPresence(of: party.tenant))
    }
}

func text(_ payload: [UInt8]) -> String { String(decoding: payload, as: UTF8.self) }
