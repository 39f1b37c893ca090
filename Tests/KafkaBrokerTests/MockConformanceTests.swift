internal import BrokerConformance
internal import BrokerCore
internal import KafkaSites
internal import KafkaTopology
internal import Testing

@Suite(.serialized) struct MockConformanceTests {
    /// Each case has a cluster of its own, and most of its time goes to the three seconds in which a group forms.
    @Test(arguments: Array(stride(from: 0, to: ConformanceCase.all.count, by: 16)))
    func `the mock cluster keeps the contract`(first: Int) async {
        await keeps(ConformanceCase.all.dropFirst(first).prefix(16), in: .dedicated)
    }

    /// Only where records lie is another.
    @Test func `where all share their topics, records come to whom they are for`() async {
        await keeps(ConformanceCase.delivery + ConformanceCase.inboxes + ConformanceCase.presence, in: .shared)
    }

    private func keeps(_ cases: some Sequence<ConformanceCase>, in kind: KafkaLayout.Kind) async {
        let suite = BrokerConformance { _ in
            KafkaSite.mock(
                try MockCluster(), layout: .init(kind: kind, requestPartitions: 8, inboxPartitions: 8))
        }
        await withDiscardingTaskGroup { group in
            for conformanceCase in cases {
                group.addTask {
                    do {
                        try await suite.run(conformanceCase)
                    } catch {
                        Issue.record("\(kind), \(conformanceCase): \(error)")
                    }
                }
            }
        }
    }
}
