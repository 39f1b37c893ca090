internal import Foundation
internal import KafkaBroker
internal import KafkaTopology
internal import RelayFormat
internal import TestTools
internal import Testing

/// Topics and rules of access on a real Kafka with an authorizer.
@Suite(.enabled(if: SecureCluster.given != nil, "\(SecureKafka.note)"))
struct KafkaRulesTests {
    private func with(_ body: (AdminBench) async throws -> Void) async throws {
        let cluster = try #require(SecureCluster.given)
        try await AdminBench.with(try cluster.administrator()) { bench in
            do {
                try await body(bench)
            } catch {
                await clean(bench)
                throw error
            }
            await clean(bench)
        }
    }

    private func clean(_ bench: AdminBench) async {
        for member in [bench.connector, bench.other, bench.dispatcher] {
            _ = try? await bench.admin.removeAccess(of: "User:\(member)")
        }
    }

    @Test func `everything is made, found again as it was meant, and nothing is made twice`() async throws {
        try await with { bench in
            let wishes = bench.wishes()
            let plan = try await bench.plan(wishes)
            #expect(plan.topics.count == 4)
            #expect(plan.grants.count == 18)
            #expect(plan.remarks == [])
            #expect(await bench.admin.apply(plan) == [])
            let after = try await bench.settledPlan(wishes)
            #expect(after.isEmpty)
            #expect(after.remarks == [])
            #expect(await bench.admin.apply(plan) == [])
            let topic = try #require(
                try await bench.admin.look(at: bench.layout)
                    .topics["\(bench.layout.prefix).\(bench.tenant).pres"])
            #expect(topic.partitions == 1)
            #expect(topic.settings?["retention.ms"] == "600000")
            #expect(topic.settings?["message.timestamp.type"] == "LogAppendTime")
        }
    }

    @Test func `partitions grow, and settings are set while others of the topic stay`() async throws {
        try await with { bench in
            #expect(await bench.admin.apply(try await bench.plan(bench.wishes())) == [])
            _ = try await bench.settledPlan(bench.wishes())
            let longer = bench.wishes(topics: .init(replication: 1, retention: 7200)) { $0.inboxPartitions = 6 }
            let plan = try await bench.plan(longer)
            #expect(plan.widenings.count == 2)
            #expect(plan.settings.count == 3)
            #expect(plan.topics == [] && plan.grants == [])
            #expect(await bench.admin.apply(plan) == [])
            #expect(try await bench.settledPlan(longer).isEmpty)
        }
    }

    @Test func `a connector that is revoked has no rule any more, and the other one keeps all of its own`() async throws
    {
        try await with { bench in
            let wishes = bench.wishes()
            #expect(await bench.admin.apply(try await bench.plan(wishes)) == [])
            _ = try await bench.settledPlan(wishes)
            #expect(try await bench.admin.removeAccess(of: "User:\(bench.connector)") == 6)
            let missing = try await bench.settledPlan(wishes) { $0.grants.count == 6 }
            #expect(missing.grants.allSatisfy { $0.principal == "User:\(bench.connector)" })
            #expect(try await bench.admin.removeAccess(of: "User:\(bench.connector)") == 0)
        }
    }

    @Test func `by a plan, a member that has left loses all and one that was moved gets the other group`() async throws
    {
        try await with { bench in
            #expect(await bench.admin.apply(try await bench.plan(bench.wishes())) == [])
            _ = try await bench.settledPlan(bench.wishes())
            var roster = bench.roster
            let second = GroupID.random()
            roster.tenants[0].groups.insert(second)
            roster.tenants[0].connectors = [bench.connector: [second]]
            roster.shutOut = [bench.other]
            let wishes = bench.wishes(roster)
            let plan = try await bench.plan(wishes)
            #expect(plan.withdrawals.count == 8)
            #expect(plan.withdrawals.prefix(2).allSatisfy { $0.kind == .group })
            #expect(plan.grants.count == 2)
            #expect(await bench.admin.apply(plan) == [])
            #expect(try await bench.settledPlan(wishes).isEmpty)
        }
    }

    @Test func `who may not do it is told what he lacks`() async throws {
        let cluster = try #require(SecureCluster.given)
        try await AdminBench.with(try cluster.other()) { bench in
            await #expect { try await bench.admin.look(at: bench.layout) } throws: { error in
                guard let error = error as? KafkaError else { return false }
                return error.code == .denied && error.message.contains("Describe and Alter on the cluster")
            }
            let plan = KafkaPlan(bench.wishes(), seen: KafkaSighting(servers: 1))
            let failures = await bench.admin.apply(plan)
            #expect(failures.contains { $0.code == .denied && $0.message.contains("Create on the cluster") })
            #expect(
                failures.contains { $0.code == .denied && $0.message.contains("Describe and Alter on the cluster") })
        }
    }

    @Test func `a wrong password is told at once`() async throws {
        let cluster = try #require(SecureCluster.given)
        try await AdminBench.with(try cluster.wrong()) { bench in
            let began = ContinuousClock.now
            await #expect { try await bench.admin.look(at: bench.layout) } throws: { error in
                guard let error = error as? KafkaError else { return false }
                return error.code == .authentication && error.message.contains("password")
            }
            #expect(ContinuousClock.now - began < .seconds(8))
        }
    }

    @Test func `a replication that the cluster cannot give is named with its cure`() async throws {
        try await with { bench in
            let plan = try await bench.plan(bench.wishes(topics: .init(replication: 15)))
            #expect(plan.remarks.contains { $0.contains("\"replication\"") })
            var topics = plan
            topics.grants = []
            let failures = await bench.admin.apply(topics)
            #expect(failures.count == 4)
            #expect(failures.allSatisfy { $0.message.contains("set \"replication\"") })
        }
    }
}
