internal import BrokerConformance
internal import KafkaBroker
internal import KafkaSites
internal import KafkaTopology
internal import Logging
internal import RelayFormat
internal import Synchronization
internal import TestTools

/// A site on the real Kafka with rules of access: each party is a member of its own, with the rules of its role.
struct RuledSite {
    /// The site, whose parties are let in as they are provided for.
    let site: KafkaSite
    private let installation: RuledInstallation

    init(
        _ cluster: SecureCluster, _ kind: AccessKind, lifetime: Duration = .seconds(600), isForged: Bool = false,
        noteToken: @escaping @Sendable () -> Void = {}
    ) throws {
        let layout = KafkaLayout(
            prefix: "ruled-\(UInt32.random(in: 0 ... .max))", requestPartitions: 4, inboxPartitions: 4)
        let installation = RuledInstallation(cluster, layout)
        self.installation = installation
        site = KafkaSite(
            bootstrap: try kind.bootstrap(of: cluster.kafka), layout: layout,
            security: { party in
                let member = MemberID.random()
                try await installation.provide(for: party, member)
                return try await kind.security(
                    of: "\(member)", at: cluster.kafka, lifetime: lifetime, isForged: isForged, noteToken: noteToken)
            }, makeTopics: { _ in }, end: {})
    }

    /// Makes the topics of a party to whom nobody is let.
    func makeTopics(for party: Party) async throws {
        try await installation.provide(for: party, .random())
    }
}

/// Makes topics and rules as an installation would that knows all members so far.
private final class RuledInstallation: Sendable {
    private let cluster: SecureCluster
    private let layout: KafkaLayout
    private let tenants = Mutex<[TenantID: KafkaRoster.Tenant]>([:])

    init(_ cluster: SecureCluster, _ layout: KafkaLayout) {
        self.cluster = cluster
        self.layout = layout
    }

    /// Lets a member in, and waits until the cluster knows it.
    func provide(for party: Party, _ member: MemberID) async throws {
        var configuration = try cluster.administrator()
        configuration.layout = layout
        let roster = tenants.withLock { tenants in
            var tenant = tenants[party.tenant] ?? KafkaRoster.Tenant(id: party.tenant)
            tenant.groups.insert(party.group)
            if party.role == .connector {
                tenant.connectors[member] = [party.group]
            } else {
                tenant.dispatchers.insert(member)
            }
            tenants[party.tenant] = tenant
            return KafkaRoster(tenants: Array(tenants.values))
        }
        let wishes = KafkaWishes(layout: layout, topics: .init(replication: 1), roster: roster)
        try await KafkaAdmin(configuration: configuration, logger: .quiet).closing { admin in
            let failures = await admin.apply(KafkaPlan(wishes, seen: try await admin.look(at: layout)))
            if let first = failures.first { throw first }
            _ = try await admin.settledPlan(wishes, at: layout)
        }
    }
}
