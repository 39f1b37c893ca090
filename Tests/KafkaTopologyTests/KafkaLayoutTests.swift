internal import BrokerCore
internal import KafkaTopology
internal import RelayFormat
internal import Testing

@Suite struct KafkaLayoutTests {
    @Test func `names keep within what Kafka takes, at the longest prefix`() {
        let layout = KafkaLayout(prefix: String(repeating: "p", count: 100))
        let group = GroupPlace(tenant: .random(), group: .random())
        #expect(layout.flaw == nil)
        for name in [layout.requestTopic(of: group), layout.consumerGroup(of: group)] {
            #expect(name.utf8.count <= 249)
        }
    }

    @Test(arguments: ["", "a_b", "ä", "a b", String(repeating: "p", count: 101)])
    func `a prefix that Kafka would not take is a flaw`(prefix: String) {
        #expect(KafkaLayout(prefix: prefix).flaw != nil)
    }

    @Test func `an odd number of inbox partitions is a flaw`() {
        #expect(KafkaLayout(inboxPartitions: 3).flaw != nil)
    }

    @Test func `in the shared layout a group's partitions are fixed, different and far apart`() {
        let layout = KafkaLayout(kind: .shared, requestPartitions: 32)
        for _ in 0..<100 {
            let group = GroupPlace(tenant: .random(), group: .random())
            let partitions = layout.requestPartitions(of: group)
            #expect(partitions == layout.requestPartitions(of: group))
            #expect(Set(partitions).count == 4)
            for (one, next) in zip(partitions, partitions.dropFirst()) { #expect(next - one == 8) }
        }
    }

    @Test func `control frames and data of a boot lie side by side, within the topic`() {
        let layout = KafkaLayout(inboxPartitions: 6)
        for _ in 0..<100 {
            let boot = BootID.random()
            #expect(layout.dataPartition(of: boot) == layout.controlPartition(of: boot) + 1)
            #expect((0..<6).contains(layout.dataPartition(of: boot)))
        }
    }
}
