internal import KafkaTopology
internal import RelayFormat
internal import Testing

@Suite struct KafkaRecordKeyTests {
    @Test func `a key reads as it was written`() throws {
        let key = KafkaRecordKey(
            content: .data, expiresAt: RelayTime(milliseconds: 1_800_000_000_123), tenant: .random(), high: 1 << 63,
            low: 77)
        let bytes = key.bytes
        #expect(bytes.count == KafkaRecordKey.size)
        #expect(bytes.withUnsafeBytes { KafkaRecordKey($0) } == key)
    }

    @Test func `bytes of another length, version or content are no key`() {
        let bytes = KafkaRecordKey(
            content: .work, expiresAt: RelayTime(milliseconds: 1), tenant: .none, high: 0, low: 0
        ).bytes
        for wrong in [[], Array(bytes.dropLast()), bytes + [0], [2] + bytes.dropFirst(), [1, 9] + bytes.dropFirst(2)] {
            #expect(wrong.withUnsafeBytes { KafkaRecordKey($0) } == nil)
        }
    }
}
