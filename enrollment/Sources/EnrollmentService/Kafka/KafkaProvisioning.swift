internal import EnrollmentProtocol
public import KafkaTopology
public import RelayFormat

/// How topics and rules of access are made on a Kafka cluster: the section `provisioning` of `kafka`.
public struct KafkaProvisioning: Codable, Sendable, Equatable {
    /// How topics are made; as usual where nothing is said.
    public var topics: KafkaTopicRules?
    /// What the cluster calls a member, with `{member}` for its id; `User:{member}` where nothing is said.
    public var memberPrincipal: String?
    /// What the cluster calls the tenant's own processes; as their login says where nothing is said.
    public var tenantPrincipal: String?
    /// Whether rules of access are made; nothing said: where members have an identity of their own or a user.
    public var rules: Bool?

    /// Describes it.
    public init(
        topics: KafkaTopicRules? = nil, memberPrincipal: String? = nil, tenantPrincipal: String? = nil,
        rules: Bool? = nil
    ) {
        self.topics = topics
        self.memberPrincipal = memberPrincipal
        self.tenantPrincipal = tenantPrincipal
        self.rules = rules
    }

    enum CodingKeys: String, CodingKey {
        case topics, rules
        case memberPrincipal = "member_principal"
        case tenantPrincipal = "tenant_principal"
    }

    /// What is wrong, for people; nil when nothing is.
    var flaw: String? {
        if let flaw = topics?.flaw { return flaw }
        if let memberPrincipal, KafkaPrincipals(pattern: memberPrincipal) == nil {
            return "the members' principal needs a type, and {member} once, as in User:{member}"
        }
        if let tenantPrincipal, !tenantPrincipal.contains(":") {
            return "the tenant's principal needs a type, as in User:name"
        }
        return nil
    }
}

extension KafkaSettings {
    /// How topics are made.
    public var topicRules: KafkaTopicRules {
        var rules = provisioning?.topics ?? KafkaTopicRules()
        rules.replication = Int16(clamping: replication)
        return rules
    }

    /// What the cluster calls connectors; nil where no rules are made for them.
    public var connectorPrincipals: KafkaPrincipals? {
        guard provisioning?.rules != false else { return nil }
        switch connectors.mechanism {
        case .none: return provisioning?.rules == true ? .shared("User:ANONYMOUS") : nil
        case .mutualTLS, .oauthBearer:
            return provisioning?.memberPrincipal.flatMap(KafkaPrincipals.init(pattern:)) ?? .usual
        case .plain, .scramSHA256, .scramSHA512: return connectors.user.map { .shared("User:\($0)") }
        }
    }

    /// What the cluster calls the tenant's own processes; nil where no rules are made for them.
    public var dispatcherPrincipals: KafkaPrincipals? {
        guard provisioning?.rules != false else { return nil }
        if let given = provisioning?.tenantPrincipal { return .shared(given) }
        switch tenant.mechanism {
        // Nobody but the cluster knows what it makes of a certificate that it did not get from here.
        case .none, .mutualTLS: return nil
        case .oauthBearer: return .usual
        case .plain, .scramSHA256, .scramSHA512: return tenant.user.map { .shared("User:\($0)") }
        }
    }

    /// What must be there on the cluster for those who take part.
    ///
    /// - Parameter administrator: as whom topics and rules are made, where that goes by tokens.
    public func wishes(for roster: KafkaRoster, administrator: MemberID) -> KafkaWishes {
        KafkaWishes(
            layout: layout, topics: topicRules, connectors: connectorPrincipals, dispatchers: dispatcherPrincipals,
            administrator: dispatcherPrincipals?.name(of: administrator), roster: roster)
    }
}
