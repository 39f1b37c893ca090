internal import BrokerConformance
internal import BrokerCore
internal import KafkaBroker
internal import KafkaSites
internal import KafkaTopology
internal import RelayFormat
internal import TestTools
internal import Testing

/// Who waits for a cluster, and who does not have to.
@Suite(.timeLimit(.minutes(2))) struct WaitingTests {
    @Test func `while everything waits for a cluster that is slow, Swift's own threads are free`() async throws {
        let cluster = try MockCluster()
        let site = KafkaSite.mock(cluster, clock: .system)
        let party = Party(.connector, tenant: .random(), group: .random())
        let broker = try await site.connect(party)
        let inbox = try await broker.openInbox(party.inboxPlace)
        cluster.delay(by: 1500)
        async let worst = watch(cluster)
        await withDiscardingTaskGroup { group in
            // More of each than there are threads in the pool.
            for number in 0..<24 {
                group.addTask {
                    switch number % 4 {
                    case 0: _ = try? await broker.openInbox(InboxPlace(tenant: .random(), boot: .random()))
                    case 1: _ = try? await broker.watchPresence(of: .random())
                    case 2: _ = try? await broker.subscribe(to: party.groupPlace, as: party.boot, credit: 1)
                    default:
                        _ = await broker.send([
                            OutgoingRecord(
                                to: .inbox(InboxPlace(tenant: party.tenant, boot: .random())), payload: [1],
                                expiresAt: RelayClock.system.now + .seconds(60))
                        ])
                    }
                }
            }
        }
        let longest = await worst
        #expect(longest < .milliseconds(700), "one that waits keeps a thread for 1.5 s at least")
        await inbox.close()
        await site.stop()
    }

    private func watch(_ cluster: MockCluster) async -> Duration {
        defer { cluster.delay(by: 0) }
        return await longestPause(within: .seconds(3))
    }

    @Test func `a member that takes nothing gives its share to one that does`() async throws {
        let cluster = try MockCluster()
        let site = KafkaSite.mock(cluster, clock: .system)
        let party = Party(.connector, tenant: .random(), group: .random())
        let sender = try await site.connect(Party(.dispatcher, tenant: party.tenant, group: party.group))
        var configuration = KafkaConfiguration(
            bootstrap: cluster.bootstrap, layout: site.layout, role: .connector, group: party.groupPlace,
            properties: ["fetch.wait.max.ms": "5"])
        configuration.limits.longestStall = .seconds(1)
        let stuck = try ClusterBroker(configuration: configuration, logger: .quiet)
        let silent = try await stuck.subscribe(to: party.groupPlace, as: party.boot, credit: 4)
        let other = try await site.connect(party)
        let taking = try await other.subscribe(to: party.groupPlace, as: .random(), credit: 64)
        let records = (0..<32).map { number in
            OutgoingRecord(
                to: .group(party.groupPlace), payload: [UInt8(number)],
                expiresAt: RelayClock.system.now + .seconds(300))
        }
        for record in records { try await sender.send(record) }
        var seen: Set<UInt8> = []
        while seen.count < records.count, let events = await taking.next() {
            for case .delivered(let deliveries) in events {
                seen.formUnion(deliveries.compactMap(\.payload.first))
                try await taking.complete(deliveries.map(\.token))
            }
        }
        #expect(seen.count == records.count)
        await silent.close()
        await stuck.close()
        await site.stop()
    }
}
