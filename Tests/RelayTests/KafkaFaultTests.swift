import BrokerConformance
import BrokerCore
import Connector
import KafkaSites
import KafkaTopology
import RelayDelivery
import RelayFormat
import Synchronization
import Testing

/// What must happen when Kafka fails, by librdkafka's own cluster: each answer amiss, each outage, by order.
///
/// Numbers are those of the twenty failures of the protocol.
@Suite("The relay on a Kafka that fails", .serialized, .timeLimit(.minutes(3)))
struct KafkaFaultTests {
    @Test func `8: an outage of the cluster is waited for, and nothing is lost`() async throws {
        try await KafkaRelay.run(connectors: 2) { relay in
            try await relay.whileCalling(for: .seconds(6), each: .milliseconds(20)) {
                try await Task.sleep(for: .seconds(1))
                relay.cluster.set(isDown: true)
                try await Task.sleep(for: .seconds(3))
                relay.cluster.set(isDown: false)
            }
            #expect(relay.tally.answered == relay.tally.sent)
        }
    }

    @Test func `9: leaders that move and replicas that are missing cost time, not requests`() async throws {
        try await KafkaRelay.run(servers: 3, connectors: 2) { relay in
            try await relay.whileCalling(for: .seconds(5), each: .milliseconds(10)) {
                for round in 0..<8 {
                    relay.cluster.answer(.produce, amiss: [.notEnoughReplicas, .notLeader])
                    relay.cluster.lead(relay.requestTopic, partitions: 0..<8, by: Int32(round % 3 + 1))
                    try await Task.sleep(for: .milliseconds(500))
                }
            }
            #expect(relay.tally.answered == relay.tally.sent)
        }
    }

    @Test func `10: a confirmation that is lost makes nothing of the class once run twice`() async throws {
        try await KafkaRelay.run(connectors: 2) { relay in
            try await relay.whileCalling(for: .seconds(4), each: .milliseconds(20)) {
                for _ in 0..<6 {
                    relay.cluster.answer(.produce, amiss: [.timedOut, .timedOut])
                    try await Task.sleep(for: .milliseconds(500))
                }
            }
            #expect(relay.tally.answered == relay.tally.sent)
        }
    }

    @Test func `11: a coordinator that is gone and commits that are refused lose nothing`() async throws {
        try await KafkaRelay.run(servers: 2, connectors: 2) { relay in
            try await relay.whileCalling(for: .seconds(8), each: .milliseconds(20)) {
                relay.cluster.answer(.offsetCommit, amiss: [.illegalGeneration, .coordinatorGone, .rebalancing])
                try await Task.sleep(for: .seconds(1))
                relay.cluster.coordinate(relay.consumerGroup, by: 2)
                try await Task.sleep(for: .seconds(1))
                relay.cluster.answer(.heartbeat, amiss: [.rebalancing, .unknownMember])
                try await Task.sleep(for: .seconds(3))
                relay.cluster.answer(.offsetCommit, amiss: [.unknownMember, .illegalGeneration])
            }
            #expect(relay.tally.answered == relay.tally.sent)
        }
    }

    @Test func `12: members come and go with a hundred requests in flight`() async throws {
        try await KafkaRelay.run(connectors: 1) { relay in
            try await relay.whileCalling(for: .seconds(10), inFlight: 100) {
                for number in 0..<2 {
                    try await relay.withConnector("guest \(number)") {
                        try await Task.sleep(for: .seconds(2))
                    }
                    try await Task.sleep(for: .seconds(1))
                }
            }
            #expect(relay.tally.answered == relay.tally.sent)
        }
    }
}

/// A dispatcher and connectors on a mock cluster, each with handles of its own, and a caller that counts.
private final class KafkaRelay: Sendable {
    /// What became of the calls.
    struct Tally {
        var sent = 0
        var answered = 0
        var failures: [RequestFailure.Code: Int] = [:]
        var longest = Duration.zero
    }

    let cluster: MockCluster
    private let site: KafkaSite
    private let harness: RelayHarness
    private let dispatcher: Party
    private let service = EchoService(delay: .milliseconds(5))
    private let counted = Mutex(Tally())

    var tally: Tally { counted.withLock { $0 } }
    var requestTopic: String { site.layout.requestTopic(of: dispatcher.groupPlace) }
    var consumerGroup: String { site.layout.consumerGroup(of: dispatcher.groupPlace) }

    private init(_ cluster: MockCluster, _ site: KafkaSite, _ party: Party, _ harness: RelayHarness) {
        self.cluster = cluster
        self.site = site
        dispatcher = party
        self.harness = harness
    }

    /// Runs a relay until the body has ended; then nothing of the class `once` has run twice.
    static func run(
        servers: Int32 = 1, connectors: Int, _ body: @escaping @Sendable (KafkaRelay) async throws -> Void
    ) async throws {
        let cluster = try MockCluster(servers: servers)
        let site = KafkaSite.mock(cluster, clock: .system)
        let group = GroupID.random()
        let party = Party(.dispatcher, tenant: .random(), group: group)
        let broker = try await site.connect(party)
        let harness = RelayHarness(
            tenant: party.tenant, group: group, on: broker, beat: .milliseconds(500), settling: .seconds(5))
        let relay = KafkaRelay(cluster, site, party, harness)
        try await harness.run { _ in
            try await relay.withConnectors(connectors) {
                try await waitUntil("a connector answers") { await harness.call("/first").failure == nil }
                try await body(relay)
            }
            let twice = Dictionary(grouping: relay.service.executed.filter { $0.hasPrefix("/once") }) { $0 }
                .filter { $0.value.count > 1 }
            #expect(twice.isEmpty, "of the class once: \(twice.keys.sorted())")
        }
        await site.stop()
    }

    private func withConnectors(_ count: Int, _ body: @escaping @Sendable () async throws -> Void) async throws {
        guard count > 0 else { return try await body() }
        try await withConnector("site-\(count)") { [self] in try await withConnectors(count - 1, body) }
    }

    /// Runs one more connector for as long as the body takes; it drains at the end.
    func withConnector(_ name: String, _ body: @escaping @Sendable () async throws -> Void) async throws {
        let broker = try await site.connect(Party(.connector, tenant: harness.tenant, group: harness.group))
        let session = harness.session(name, service: service, inFlight: 256, through: broker, beat: .milliseconds(500))
        try await withThrowingTaskGroup { group in
            group.addTask { try await session.run() }
            try await body()
            session.drain(atMost: .seconds(10))
            try await group.waitForAll()
        }
        await broker.close()
    }

    /// Calls at a steady pace, or with so many in flight, while the body makes trouble; all calls are waited for.
    func whileCalling(
        for time: Duration, each pace: Duration? = nil, inFlight: Int = 1,
        _ trouble: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { try await trouble() }
            let end = ContinuousClock.now + time
            if let pace {
                group.addTask { [self] in
                    await withDiscardingTaskGroup { calls in
                        var number = 0
                        while ContinuousClock.now < end {
                            number += 1
                            calls.addTask { [number] in await self.call(number) }
                            try? await Task.sleep(for: pace)
                        }
                    }
                }
            } else {
                for lane in 0..<inFlight {
                    group.addTask { [self] in
                        var number = lane
                        while ContinuousClock.now < end {
                            await call(number)
                            number += inFlight
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private func call(_ number: Int) async {
        let isOnce = number.isMultiple(of: 2)
        counted.withLock { $0.sent += 1 }
        let began = ContinuousClock.now
        let result = await harness.call(
            "/\(isOnce ? "once" : "safe")/\(number)", class: isOnce ? .once : .safe, within: .seconds(40))
        counted.withLock { counted in
            counted.longest = max(counted.longest, ContinuousClock.now - began)
            if let failure = result.failure {
                counted.failures[failure, default: 0] += 1
            } else {
                counted.answered += 1
            }
        }
    }
}
