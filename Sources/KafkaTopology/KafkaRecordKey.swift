public import RelayFormat

/// The key of a record on Kafka: for whom it is, and when it is of no use any more.
///
/// Big-endian, 42 bytes: version 1 · content 1 · expires-at ms 8 · tenant 16 · group or boot 16. Nothing in it is secret
/// and nothing is believed: a reader passes over what is not for it, and what is sealed in the value decides the rest.
public struct KafkaRecordKey: Sendable, Hashable {
    /// What a record holds.
    public enum Content: UInt8, Sendable {
        /// Work for a group.
        case work = 1
        /// A frame of an inbox's control lane.
        case control = 2
        /// A frame of an inbox's data lane.
        case data = 3
        /// A beat.
        case beat = 4
        /// Word that the inbox of a boot was closed; without a value.
        case farewell = 5
    }

    /// The size in bytes.
    public static let size = 42
    private static let version: UInt8 = 1

    /// What the record holds.
    public var content: Content
    /// From when on it is settled, never delivered.
    public var expiresAt: RelayTime
    /// The tenant.
    public var tenant: TenantID
    /// The halves of the id of the group or the boot that it is for; of the boot that speaks, in presence.
    public var high: UInt64
    /// The second half.
    public var low: UInt64

    /// Makes a key.
    public init(content: Content, expiresAt: RelayTime, tenant: TenantID, high: UInt64, low: UInt64) {
        self.content = content
        self.expiresAt = expiresAt
        self.tenant = tenant
        self.high = high
        self.low = low
    }

    /// The bytes.
    public var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.size) { buffer, count in
            buffer[0] = Self.version
            buffer[1] = content.rawValue
            let words = [expiresAt.milliseconds, tenant.high, tenant.low, high, low]
            for (index, word) in words.enumerated() {
                for byte in 0..<8 {
                    buffer[2 + 8 * index + byte] = UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * byte))
                }
            }
            count = Self.size
        }
    }

    /// Reads a key; nil for bytes that are none.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.size, bytes[0] == Self.version, let content = Content(rawValue: bytes[1]) else {
            return nil
        }
        func word(_ index: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2 + 8 * index, as: UInt64.self))
        }
        self.init(
            content: content, expiresAt: RelayTime(milliseconds: word(0)),
            tenant: TenantID(high: word(1), low: word(2)), high: word(3), low: word(4))
    }
}
