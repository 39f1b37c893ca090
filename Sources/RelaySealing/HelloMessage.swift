public import RelayFormat

/// HELLO: a connector's boot begins a session with a dispatcher's boot.
public struct HelloMessage: MessageBody, Equatable {
    /// The dispatcher.
    public let dispatcher: MemberID
    /// The dispatcher's process.
    public let dispatcherBoot: BootID
    /// The epoch.
    public let core: CoreHash
    /// The secret of the session, encapsulated to the dispatcher's HPKE key of the epoch.
    public let encapsulatedKey: [UInt8]

    init(dispatcher: MemberID, dispatcherBoot: BootID, core: CoreHash, encapsulatedKey: [UInt8]) {
        self.dispatcher = dispatcher
        self.dispatcherBoot = dispatcherBoot
        self.core = core
        self.encapsulatedKey = encapsulatedKey
    }

    public var encodedSizeHint: Int { 64 + encapsulatedKey.count }

    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {
        writer.write(dispatcher)
        writer.write(dispatcherBoot)
        writer.write(raw: core.bytes)
        writer.write(raw: encapsulatedKey)
    }

    public init(from reader: inout ByteReader) throws(RelayFormatError) {
        dispatcher = try reader.read(field: "dispatcher")
        dispatcherBoot = try reader.read(field: "dispatcher's boot")
        guard let core = CoreHash(try reader.read(count: CoreHash.size, field: "core")) else {
            throw RelayFormatError(.truncated, in: "core")
        }
        self.core = core
        guard SealingSuite.allCases.contains(where: { $0.encapsulatedKeySize == reader.remaining }) else {
            throw RelayFormatError(.unknownValue, in: "encapsulated key")
        }
        encapsulatedKey = Array(try reader.read(count: reader.remaining, field: "encapsulated key"))
    }

    /// The body in bytes.
    public var encoded: [UInt8] {
        dispatcher.bytes + dispatcherBoot.bytes + core.bytes + encapsulatedKey
    }
}
