internal import BrokerCore
internal import RelayFormat

/// What must be there on a cluster so that everyone can do his work, and nothing else.
public struct KafkaWishes: Sendable, Hashable {
    /// The layout that it follows from.
    public let layout: KafkaLayout
    /// The topics by their names.
    public private(set) var topics: [String: KafkaTopic] = [:]
    /// The rules of access.
    public private(set) var rules: Set<KafkaRule> = []

    /// What connectors are called; nil where these wishes do not rule their access.
    let connectors: KafkaPrincipals?
    /// What the tenant's own dispatchers are called; nil where these wishes do not rule their access.
    let dispatchers: KafkaPrincipals?
    /// Who makes topics and rules, and keeps what he has.
    let administrator: String?
    /// What is called who must have no access any more.
    let shutOut: Set<String>

    private let topicRules: KafkaTopicRules

    /// Finds out what must be there.
    ///
    /// - Parameters:
    ///   - connectors: what they are called at the cluster; nil where their access is not ruled.
    ///   - dispatchers: what the tenant's own processes are called, which dispatch for all tenants; nil where their
    ///     access is not ruled.
    ///   - administrator: who makes topics and rules: whatever he has beside is left to him.
    public init(
        layout: KafkaLayout, topics topicRules: KafkaTopicRules = .init(), connectors: KafkaPrincipals? = .usual,
        dispatchers: KafkaPrincipals? = .usual, administrator: String? = nil, roster: KafkaRoster
    ) {
        self.layout = layout
        self.topicRules = topicRules
        self.connectors = connectors
        self.dispatchers = dispatchers
        self.administrator = administrator
        shutOut = connectors?.isShared == false ? Set(roster.shutOut.compactMap { connectors?.name(of: $0) }) : []
        for tenant in roster.tenants {
            addTopics(of: tenant)
            for member in tenant.dispatchers {
                guard let name = dispatchers?.name(of: member) else { continue }
                rules.formUnion(Self.rules(ofDispatcher: name, of: tenant.id, layout))
            }
            for (member, groups) in tenant.connectors where !roster.shutOut.contains(member) {
                guard let name = connectors?.name(of: member) else { continue }
                rules.formUnion(
                    Self.rules(ofConnector: name, in: groups.intersection(tenant.groups), of: tenant.id, layout))
            }
        }
    }

    /// Whether a principal is one of those whose access these wishes rule.
    func isMember(_ principal: String) -> Bool {
        principal != administrator
            && (connectors?.isMember(principal) == true || dispatchers?.isMember(principal) == true)
    }

    private mutating func addTopics(of tenant: KafkaRoster.Tenant) {
        for role in KafkaLayout.Role.allCases {
            add(layout.inboxTopic(of: tenant.id, read: role), layout.inboxPartitions, topicRules.retention)
        }
        add(
            layout.presenceTopic(of: tenant.id), layout.kind == .shared ? layout.presencePartitions : 1,
            topicRules.presenceRetention)
        for group in tenant.groups {
            add(
                layout.requestTopic(of: GroupPlace(tenant: tenant.id, group: group)), layout.requestPartitions,
                topicRules.retention)
        }
    }

    private mutating func add(_ name: String, _ partitions: Int32, _ retention: Int) {
        topics[name] = KafkaTopic(
            name: name, partitions: partitions, replication: topicRules.replication,
            settings: topicRules.settings(retention: retention))
    }

    /// What a connector needs; to read and to write say `describe` as well.
    private static func rules(
        ofConnector principal: String, in groups: Set<GroupID>, of tenant: TenantID, _ layout: KafkaLayout
    ) -> Set<KafkaRule> {
        var rules: Set = [
            KafkaRule(principal, may: .read, .topic, layout.inboxTopic(of: tenant, read: .connector)),
            KafkaRule(principal, may: .write, .topic, layout.inboxTopic(of: tenant, read: .dispatcher)),
            KafkaRule(principal, may: .write, .topic, layout.presenceTopic(of: tenant)),
            KafkaRule(principal, may: .idempotentWrite, .cluster, KafkaRule.clusterName),
        ]
        for group in groups.map({ GroupPlace(tenant: tenant, group: $0) }) {
            rules.insert(KafkaRule(principal, may: .read, .topic, layout.requestTopic(of: group)))
            rules.insert(KafkaRule(principal, may: .read, .group, layout.consumerGroup(of: group)))
        }
        return rules
    }

    /// What a dispatcher needs.
    private static func rules(
        ofDispatcher principal: String, of tenant: TenantID, _ layout: KafkaLayout
    ) -> Set<KafkaRule> {
        let presence = layout.presenceTopic(of: tenant)
        // One rule for the work of all groups: a group that has just been made can be sent to at once.
        let requests =
            layout.kind == .dedicated
            ? KafkaRule(
                principal, may: .write, .topic, "\(layout.prefix).\(tenant).req.", pattern: .prefixed)
            : KafkaRule(principal, may: .write, .topic, "\(layout.prefix).req")
        return [
            requests,
            KafkaRule(principal, may: .read, .topic, layout.inboxTopic(of: tenant, read: .dispatcher)),
            KafkaRule(principal, may: .write, .topic, layout.inboxTopic(of: tenant, read: .connector)),
            KafkaRule(principal, may: .read, .topic, presence),
            KafkaRule(principal, may: .write, .topic, presence),
            KafkaRule(principal, may: .idempotentWrite, .cluster, KafkaRule.clusterName),
        ]
    }
}
