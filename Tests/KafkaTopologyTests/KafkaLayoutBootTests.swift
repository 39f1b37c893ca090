import KafkaTopology
import RelayFormat
import Testing

@Suite("Boots that fit a slot")
struct KafkaLayoutBootTests {
    @Test("a boot is drawn for each slot, near what chance gave, at both ends of the numbers too")
    func everySlot() {
        for partitions: Int32 in [2, 6, 32, 2000] {
            let layout = KafkaLayout(inboxPartitions: partitions)
            for slot in 0..<layout.inboxSlots {
                for low in [0, 1, .max - 1, .max, UInt64.random(in: .min ... .max)] {
                    let boot = layout.bootID(inSlot: slot, near: BootID(high: 7, low: low))
                    #expect(layout.inboxSlot(of: boot) == slot)
                    #expect(boot.high == 7)
                    let distance = boot.low > low ? boot.low - low : low - boot.low
                    #expect(distance < 2 * UInt64(layout.inboxSlots))
                }
            }
        }
    }
}
