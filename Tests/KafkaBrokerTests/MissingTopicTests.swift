internal import BrokerConformance
internal import BrokerCore
internal import KafkaBroker
internal import KafkaSites
internal import KafkaTopology
internal import RelayFormat
internal import Testing

/// A topic that is not there is the trouble of those alone who write to it.
@Suite(.timeLimit(.minutes(1))) struct MissingTopicTests {
    private func record(to place: Place, _ payload: UInt8) -> OutgoingRecord {
        OutgoingRecord(to: place, payload: [payload], expiresAt: RelayClock.system.now + .seconds(60))
    }

    @Test func `what goes to a missing topic neither holds up nor fails what leaves with it`() async throws {
        let cluster = try MockCluster()
        let site = KafkaSite.mock(cluster, clock: .system)
        let party = Party(.dispatcher, tenant: .random(), group: .random())
        let broker = try await site.connect(party)
        let reader = try await site.connect(Party(.connector, tenant: party.tenant, group: party.group))
        let place = InboxPlace(tenant: party.tenant, boot: .random())
        let inbox = try await reader.openInbox(place)
        try await broker.send(record(to: .inbox(place), 0))
        #expect(await inbox.next() == [[0]])

        let group = GroupPlace(tenant: party.tenant, group: .random())
        let topic = site.layout.requestTopic(of: group)
        cluster.makeTopic(topic, partitions: site.layout.requestPartitions)
        cluster.set(topic, isMissing: true)
        let start = ContinuousClock.now
        async let mixed = broker.send([
            record(to: .group(group), 1), record(to: .inbox(place), 2), record(to: .group(group), 3),
            record(to: .inbox(place), 4),
        ])
        var arrived: [[UInt8]] = []
        while arrived.count < 2, let frames = await inbox.next() { arrived += frames }
        #expect(arrived == [[2], [4]])
        #expect(ContinuousClock.now - start < .milliseconds(700), "a missing topic is asked for during a second")
        let outcomes = await mixed
        #expect(outcomes[1] == .stored && outcomes[3] == .stored)
        for index in [0, 2] {
            guard case .failed(let error) = outcomes[index] else {
                Issue.record("\(outcomes[index])")
                continue
            }
            #expect(error.code == .notPersisted && error.message.contains(topic), "\(error)")
        }

        // That it is missing is known for a moment; then it is asked for again.
        let second = ContinuousClock.now
        let again = await broker.send([record(to: .group(group), 5)])
        #expect(again == [outcomes[0]])
        #expect(ContinuousClock.now - second < .milliseconds(700))
        cluster.set(topic, isMissing: false)
        var last = again
        while last != [.stored], ContinuousClock.now - second < .seconds(10) {
            try await Task.sleep(for: .milliseconds(100))
            last = await broker.send([record(to: .group(group), 6)])
        }
        #expect(last == [.stored])
        await inbox.close()
        await site.stop()
    }
}
