/// The 128 bytes in front of every message: all that a broker may read.
///
/// Layout, big-endian: magic 4 · kind 1 · suite 1 · flags 2 · tenant 16 · group 16 · epoch 4 · attempt 4 · sender 16 ·
/// boot 16 · sequence 8 · message 16 · correlation 16 · issued-at 8.
public struct RelayHeader: Sendable, Equatable {
    /// The encoded size in bytes.
    public static let size = 128
    /// "PST1": the protocol and its version.
    public static let magic: UInt32 = 0x5053_5431
    private static let bundleFlag: UInt16 = 1

    /// How the body is protected.
    public enum Suite: UInt8, Sendable, CaseIterable {
        /// The body is in clear; TLS and the broker's authorization are all that guard it.
        case clear = 0
        /// The body is sealed; secrets reach another member by X25519.
        case x25519 = 1
        /// The body is sealed; secrets reach another member by X-Wing.
        case xWing = 2
    }

    /// What the message is.
    public var kind: MessageKind
    /// How its body is protected.
    public var suite: Suite
    /// Whether the body is several messages of the kind, each with an attempt and a correlation of its own.
    public var isBundle: Bool
    /// The tenant to which everything in the message belongs.
    public var tenant: TenantID
    /// The group concerned; `none` where the message concerns no group.
    public var group: GroupID
    /// The key epoch; zero while the suite is `clear`.
    public var epoch: UInt32
    /// Which dispatch of the request this belongs to, from 1; zero where there is no request.
    public var attempt: UInt32
    /// Who made the message.
    public var sender: MemberID
    /// The process that made the message, and whose inbox takes the answer.
    public var boot: BootID
    /// Counts the messages of one boot.
    public var sequence: UInt64
    /// Names this one message.
    public var message: MessageID
    /// Names the request that the message belongs to; `none` where there is none.
    public var correlation: RequestID
    /// When the message was made.
    public var issuedAt: RelayTime

    /// Makes a header; what is not given is zero.
    public init(
        kind: MessageKind, suite: Suite = .clear, isBundle: Bool = false, tenant: TenantID, group: GroupID = .none,
        epoch: UInt32 = 0,
        attempt: UInt32 = 0, sender: MemberID, boot: BootID, sequence: UInt64, message: MessageID,
        correlation: RequestID = .none, issuedAt: RelayTime
    ) {
        self.kind = kind
        self.suite = suite
        self.isBundle = isBundle
        self.tenant = tenant
        self.group = group
        self.epoch = epoch
        self.attempt = attempt
        self.sender = sender
        self.boot = boot
        self.sequence = sequence
        self.message = message
        self.correlation = correlation
        self.issuedAt = issuedAt
    }

    /// Appends the 128 bytes.
    public func encode(into writer: inout ByteWriter) {
        writer.write(count: Self.size) { encode(into: $0) }
    }

    /// Writes the 128 bytes to the beginning of a buffer that has room for them.
    public func encode(into buffer: UnsafeMutableRawBufferPointer) {
        precondition(buffer.count >= Self.size, "a header takes 128 bytes")
        var offset = 0
        func put(_ value: some FixedWidthInteger) {
            buffer.storeBytes(of: value.bigEndian, toByteOffset: offset, as: type(of: value))
            offset += value.bitWidth / 8
        }
        func put<Tag>(_ identifier: Identifier<Tag>) {
            put(identifier.high)
            put(identifier.low)
        }
        put(Self.magic)
        put(kind.rawValue)
        put(suite.rawValue)
        put(isBundle ? Self.bundleFlag : 0)
        put(tenant)
        put(group)
        put(epoch)
        put(attempt)
        put(sender)
        put(boot)
        put(sequence)
        put(message)
        put(correlation)
        put(issuedAt.milliseconds)
    }

    /// Reads the 128 bytes.
    ///
    /// - Throws: `truncated` for fewer, `foreign` for another magic, `unknownValue` for a kind, suite or flag that this
    ///   version does not know.
    public init(from reader: inout ByteReader) throws(RelayFormatError) {
        let bytes = try reader.read(count: Self.size, field: "header")
        self = try bytes.withUnsafeBytes { bytes in
            Result { () throws(RelayFormatError) in try Self(bytes) }
        }.get()
    }

    /// Reads all at once: a header is read for each message, twice where it is sealed.
    private init(_ bytes: UnsafeRawBufferPointer) throws(RelayFormatError) {
        var offset = 0
        func take<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) -> Value {
            defer { offset += MemoryLayout<Value>.size }
            return Value(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
        }
        func take<Tag>(_ type: Identifier<Tag>.Type = Identifier<Tag>.self) -> Identifier<Tag> {
            let high = take(UInt64.self)
            return Identifier(high: high, low: take(UInt64.self))
        }
        guard take() == Self.magic else { throw RelayFormatError(.foreign, in: "magic") }
        guard let kind = MessageKind(rawValue: take()) else { throw RelayFormatError(.unknownValue, in: "kind") }
        guard let suite = Suite(rawValue: take()) else { throw RelayFormatError(.unknownValue, in: "suite") }
        self.kind = kind
        self.suite = suite
        let flags = take(UInt16.self)
        guard flags & ~Self.bundleFlag == 0 else { throw RelayFormatError(.unknownValue, in: "flags") }
        isBundle = flags == Self.bundleFlag
        tenant = take()
        group = take()
        epoch = take()
        attempt = take()
        sender = take()
        boot = take()
        sequence = take()
        message = take()
        correlation = take()
        issuedAt = RelayTime(milliseconds: take())
    }
}
