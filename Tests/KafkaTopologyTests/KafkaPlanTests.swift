internal import BrokerCore
internal import KafkaTopology
internal import RelayFormat
internal import Testing

@Suite struct KafkaPlanTests {
    private let tenant = TenantID.random()
    private let one = GroupID.random()
    private let two = GroupID.random()
    private let connector = MemberID.random()
    private let dispatcher = MemberID.random()

    private var roster: KafkaRoster {
        KafkaRoster(tenants: [
            .init(id: tenant, groups: [one, two], connectors: [connector: [one]], dispatchers: [dispatcher])
        ])
    }

    private func wishes(
        _ layout: KafkaLayout = .init(), topics: KafkaTopicRules = .init(), roster: KafkaRoster? = nil
    ) -> KafkaWishes {
        KafkaWishes(layout: layout, topics: topics, roster: roster ?? self.roster)
    }

    private func plan(_ wishes: KafkaWishes, _ seen: KafkaSighting) -> KafkaPlan { KafkaPlan(wishes, seen: seen) }

    @Test func `an empty cluster gets every topic and rule, and then nothing more`() {
        let wishes = wishes()
        let empty = KafkaSighting(servers: 3)
        let plan = plan(wishes, empty)
        let names = plan.topics.map(\.name)
        #expect(
            Set(names) == [
                "postern.\(tenant).rep", "postern.\(tenant).in", "postern.\(tenant).pres",
                "postern.\(tenant).req.\(one)", "postern.\(tenant).req.\(two)",
            ])
        #expect(plan.topics.first { $0.name.hasSuffix(".rep") }?.partitions == 32)
        #expect(plan.topics.first { $0.name.hasSuffix(".pres") }?.partitions == 1)
        #expect(plan.topics.allSatisfy { $0.replication == 3 && $0.settings["min.insync.replicas"] == "2" })
        #expect(plan.remarks == [])
        #expect(self.plan(wishes, empty.after(plan)).isEmpty)
    }

    @Test func `a connector may do what it needs, and nothing of another group`() {
        let name = "User:\(connector)"
        let rules = wishes().rules.filter { $0.principal == name }
        #expect(
            rules == [
                KafkaRule(name, may: .read, .topic, "postern.\(tenant).req.\(one)"),
                KafkaRule(name, may: .read, .group, "postern.\(tenant).\(one)"),
                KafkaRule(name, may: .read, .topic, "postern.\(tenant).in"),
                KafkaRule(name, may: .write, .topic, "postern.\(tenant).rep"),
                KafkaRule(name, may: .write, .topic, "postern.\(tenant).pres"),
                KafkaRule(name, may: .idempotentWrite, .cluster, "kafka-cluster"),
            ])
    }

    @Test func `a dispatcher writes work and inboxes, and reads replies and presence`() {
        let name = "User:\(dispatcher)"
        let rules = wishes().rules.filter { $0.principal == name }
        #expect(
            rules == [
                KafkaRule(name, may: .write, .topic, "postern.\(tenant).req.", pattern: .prefixed),
                KafkaRule(name, may: .write, .topic, "postern.\(tenant).in"),
                KafkaRule(name, may: .read, .topic, "postern.\(tenant).rep"),
                KafkaRule(name, may: .read, .topic, "postern.\(tenant).pres"),
                KafkaRule(name, may: .write, .topic, "postern.\(tenant).pres"),
                KafkaRule(name, may: .idempotentWrite, .cluster, "kafka-cluster"),
            ])
    }

    @Test func `the shared layout has four topics, however many tenants and groups there are`() {
        var roster = roster
        for _ in 0..<50 { roster.tenants.append(.init(id: .random(), groups: [.random(), .random()])) }
        let wishes = wishes(KafkaLayout(kind: .shared, requestPartitions: 32), roster: roster)
        #expect(Set(wishes.topics.keys) == ["postern.req", "postern.rep", "postern.in", "postern.pres"])
        #expect(wishes.topics["postern.pres"]?.partitions == 4)
    }

    @Test func `a revoked connector loses all, the consumer group first`() {
        let seen = KafkaSighting(servers: 3).after(plan(wishes(), KafkaSighting(servers: 3)))
        var without = roster
        without.tenants[0].connectors = [:]
        without.shutOut = [connector]
        let plan = plan(wishes(roster: without), seen)
        #expect(plan.withdrawals.count == 6)
        #expect(plan.withdrawals.allSatisfy { $0.principal == "User:\(connector)" })
        #expect(plan.withdrawals.first?.kind == .group)
        #expect(plan.withdrawals.dropFirst().prefix(2).allSatisfy { $0.operation == .read })
        #expect(plan.withdrawals.last?.kind == .cluster)
        #expect(plan.grants == [] && plan.topics == [])
    }

    @Test func `a member that is listed and shut out gets nothing`() {
        var frozen = roster
        frozen.shutOut = [connector]
        #expect(!wishes(roster: frozen).rules.contains { $0.principal == "User:\(connector)" })
    }

    @Test func `rules beyond what a member needs are taken away, those of others stay and are named`() {
        var seen = KafkaSighting(servers: 3).after(plan(wishes(), KafkaSighting(servers: 3)))
        let surplus = KafkaRule("User:\(connector)", may: .read, .topic, "postern.\(tenant).req.\(two)")
        let all = KafkaRule("User:\(connector)", may: .all, .topic, "postern.\(tenant).in")
        let monitor = KafkaRule("User:monitor", may: .read, .topic, "postern.\(tenant).rep")
        seen.rules?.formUnion([surplus, all, monitor])
        let plan = plan(wishes(), seen)
        #expect(Set(plan.withdrawals) == [surplus, all])
        #expect(plan.remarks.contains { $0.contains("User:monitor") })
    }

    @Test func `nothing of an installation is touched whose prefix begins alike, nor its right to write`() {
        let (other, group) = (MemberID.random(), GroupID.random())
        let foreign: Set = [
            KafkaRule("User:\(other)", may: .read, .topic, "postern.eu.\(tenant).req.\(group)"),
            KafkaRule("User:\(other)", may: .read, .group, "postern.eu.\(tenant).\(group)"),
            KafkaRule("User:\(other)", may: .write, .topic, "postern.eu.\(tenant).rep"),
            KafkaRule("User:\(other)", may: .idempotentWrite, .cluster, "kafka-cluster"),
            KafkaRule("User:\(other)", may: .read, .topic, "posternpro.req"),
        ]
        let plan = plan(wishes(), KafkaSighting(servers: 3, rules: foreign))
        #expect(plan.withdrawals == [])
        #expect(plan.remarks == [])
    }

    @Test func `partitions grow and never shrink`() {
        var seen = KafkaSighting(servers: 3).after(plan(wishes(), KafkaSighting(servers: 3)))
        seen.topics["postern.\(tenant).rep"]?.partitions = 8
        seen.topics["postern.\(tenant).in"]?.partitions = 64
        let plan = plan(wishes(), seen)
        #expect(plan.widenings == [.init(topic: "postern.\(tenant).rep", from: 8, partitions: 32)])
        #expect(plan.steps == 1)
    }

    @Test func `wrong settings are set, and what the topic has of its own is kept`() throws {
        let name = "postern.\(tenant).in"
        var seen = KafkaSighting(servers: 3).after(plan(wishes(), KafkaSighting(servers: 3)))
        seen.topics[name]?.settings?["retention.ms"] = "604800000"
        seen.topics[name]?.settings?["compression.type"] = "zstd"
        seen.topics[name]?.settings?["flush.ms"] = "9"
        seen.topics[name]?.own.insert("compression.type")
        let change = try #require(plan(wishes(), seen).settings.first)
        #expect(change.settings == ["retention.ms": "3600000"])
        #expect(change.all["compression.type"] == "zstd")
        #expect(change.all["cleanup.policy"] == "delete")
        #expect(change.all["flush.ms"] == nil)
        #expect(plan(wishes(), seen.after(plan(wishes(), seen))).isEmpty)
    }

    @Test func `what no plan mends is said`() {
        let name = "postern.\(tenant).in"
        var seen = KafkaSighting(servers: 1)
        #expect(plan(wishes(), seen).remarks.contains { $0.contains("\"replication\" to 1") })
        seen = seen.after(plan(wishes(), seen))
        seen.topics[name]?.replication = 1
        seen.topics[name]?.settings?["segment.ms"] = nil
        seen.rules = nil
        let plan = plan(wishes(), seen)
        #expect(plan.isEmpty)
        #expect(plan.remarks.contains { $0.contains("lies on 1 server instead of 3") })
        #expect(plan.remarks.contains { $0.contains("does not know segment.ms") })
        #expect(plan.remarks.contains { $0.contains("no authorizer") })
    }

    @Test func `topics of groups that are no more are named, and left to whoever wants to look into them`() {
        let seen = KafkaSighting(servers: 3).after(plan(wishes(), KafkaSighting(servers: 3)))
        var without = roster
        without.tenants[0].groups = [one]
        let plan = plan(wishes(roster: without), seen)
        #expect(plan.isEmpty)
        #expect(plan.remarks.contains { $0.contains("postern.\(tenant).req.\(two)") })
    }

    @Test func `where access is not ruled no rule is touched`() {
        let rule = KafkaRule("User:\(connector)", may: .read, .topic, "postern.\(tenant).in")
        let wishes = KafkaWishes(layout: .init(), connectors: nil, dispatchers: nil, roster: roster)
        let plan = plan(wishes, KafkaSighting(servers: 3, rules: [rule]))
        #expect(plan.grants == [] && plan.withdrawals == [])
    }

    @Test func `the lines for an administrator make the same`() throws {
        var seen = KafkaSighting(servers: 3)
        seen.rules = [KafkaRule("User:CN=\(connector),O=a b", may: .read, .group, "postern.\(tenant).\(one)")]
        let principals = try #require(KafkaPrincipals(pattern: "User:CN={member},O=a b"))
        #expect(principals.pattern == "User:CN={member},O=a b")
        var plan = plan(wishes(), seen)
        plan.withdrawals = Array(seen.rules ?? [])
        let lines = plan.commands(bootstrap: "kafka:9092")
        #expect(lines.count == plan.steps)
        #expect(
            lines.contains {
                $0.contains("--create --if-not-exists --topic postern.\(tenant).pres --partitions 1")
                    && $0.contains("--config retention.ms=600000")
            })
        #expect(
            lines.contains {
                $0.hasSuffix(
                    "--add --allow-principal User:\(dispatcher) --operation Write --topic postern.\(tenant).req."
                        + " --resource-pattern-type prefixed")
            })
        #expect(
            lines.contains {
                $0.contains("--remove --force --allow-principal 'User:CN=\(connector),O=a b' --operation Read --group")
            })
    }

    @Test func `whoever makes topics and rules keeps what else he has, beside what a dispatcher needs`() {
        let admin = KafkaRule("User:tenant", may: .alterConfigs, .topic, "postern.\(tenant).in")
        let wishes = KafkaWishes(
            layout: .init(), dispatchers: .shared("User:tenant"), administrator: "User:tenant", roster: roster)
        #expect(wishes.rules.filter { $0.principal == "User:tenant" }.count == 6)
        let plan = plan(wishes, KafkaSighting(servers: 3, rules: [admin]))
        #expect(plan.withdrawals == [])
        #expect(plan.remarks == [])
    }

    @Test func `a dispatcher that was removed loses all`() {
        let seen = KafkaSighting(servers: 3).after(plan(wishes(), KafkaSighting(servers: 3)))
        var without = roster
        without.tenants[0].dispatchers = []
        #expect(plan(wishes(roster: without), seen).withdrawals.count == 5)
    }

    @Test func `connectors with one password have one name, which none of them loses alone`() {
        var roster = roster
        roster.tenants[0].connectors[.random()] = [two]
        let shared = KafkaPrincipals.shared("User:connectors")
        func wishes() -> KafkaWishes { KafkaWishes(layout: .init(), connectors: shared, roster: roster) }
        let seen = KafkaSighting(servers: 3).after(plan(wishes(), KafkaSighting(servers: 3)))
        roster.shutOut = [connector]
        roster.tenants[0].connectors[connector] = nil
        let plan = plan(wishes(), seen)
        // What only the one that is shut out had needed.
        #expect(
            plan.withdrawals == [
                KafkaRule("User:connectors", may: .read, .group, "postern.\(tenant).\(one)"),
                KafkaRule("User:connectors", may: .read, .topic, "postern.\(tenant).req.\(one)"),
            ])
    }

    @Test(arguments: ["{member}", "User:name", "User:{member}{member}"])
    func `a pattern that names no member is refused`(pattern: String) {
        #expect(KafkaPrincipals(pattern: pattern) == nil)
    }

    @Test func `members are told from others by the pattern`() throws {
        let principals = try #require(KafkaPrincipals(pattern: "User:CN={member},O=Postern"))
        #expect(principals.isMember(principals.name(of: connector)))
        #expect(!principals.isMember("User:\(connector)"))
        #expect(!principals.isMember("User:CN=admin,O=Postern"))
    }

    @Test func `rules for topics have flaws that are named`() {
        #expect(KafkaTopicRules().flaw == nil)
        #expect(KafkaTopicRules(replication: 1).flaw == nil)
        #expect(KafkaTopicRules(replication: 2, minimumInSync: 3).flaw != nil)
        #expect(KafkaTopicRules(retention: 5).flaw != nil)
    }
}
