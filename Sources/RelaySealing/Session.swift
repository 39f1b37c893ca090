internal import Crypto
public import RelayFormat

/// The two keys that a connector's boot and a dispatcher's boot share.
///
/// It is one object, since each message of it looks it up. It seals and opens; sequence numbers and replay windows belong to whoever holds it.
public final class Session: Sendable {
    /// One of its two ends.
    public struct End: Sendable, Hashable {
        /// The member.
        public let member: MemberID
        /// The process.
        public let boot: BootID
    }

    /// The tenant.
    public let tenant: TenantID
    /// The group of the epoch in which it began.
    public let group: GroupID
    /// The epoch in which it began.
    public let epoch: UInt32
    /// When that epoch ends, and the session with it at the latest.
    public let notAfter: RelayTime
    /// The suite of that epoch.
    public let suite: SealingSuite
    /// The end that holds this value.
    public let own: End
    /// The end to which it speaks.
    public let peer: End
    /// What the end that holds this value is.
    public let role: MemberRole
    private let sealingKey: SenderKey
    private let openingKey: SenderKey

    private static let label = Array("postern session v1\0".utf8)
    private static let toDispatcher = Array("c2d".utf8)
    private static let toConnector = Array("d2c".utf8)

    private init(_ epoch: Epoch, own: End, peer: End, towardsPeer: SymmetricKey, fromPeer: SymmetricKey) {
        tenant = epoch.core.tenant
        group = epoch.core.group
        self.epoch = epoch.core.number
        notAfter = epoch.core.notAfter
        suite = epoch.core.suite
        self.own = own
        self.peer = peer
        role = epoch.member.role
        sealingKey = SenderKey(towardsPeer)
        openingKey = SenderKey(fromPeer)
    }

    /// Begins a session as a connector; the hello goes to the dispatcher, sealed for the group.
    ///
    /// - Throws: `senderRole` unless a connector opened the epoch, `notAMember` when it has no such dispatcher.
    public static func begin(
        in epoch: Epoch, boot: BootID, with dispatcher: MemberID, boot dispatcherBoot: BootID
    ) throws(SealingError) -> (session: Session, hello: HelloMessage) {
        guard epoch.member.role == .connector else { throw SealingError(.senderRole, "only a connector says HELLO") }
        guard let other = epoch.core.member(dispatcher), other.role == .dispatcher else {
            throw SealingError(.notAMember, "the epoch has no such dispatcher")
        }
        let own = End(member: epoch.member.id, boot: boot)
        let peer = End(member: dispatcher, boot: dispatcherBoot)
        let sender = try other.hpkeKey.sender(info: info(epoch.core.hash, connector: own, dispatcher: peer))
        guard let out = try? sender.exportSecret(context: toDispatcher, outputByteCount: 32),
            let back = try? sender.exportSecret(context: toConnector, outputByteCount: 32)
        else { throw SealingError(.sessionMismatch, "the session's keys cannot be derived") }
        let hello = HelloMessage(
            dispatcher: dispatcher, dispatcherBoot: dispatcherBoot, core: epoch.core.hash,
            encapsulatedKey: Array(sender.encapsulatedKey))
        return (Session(epoch, own: own, peer: peer, towardsPeer: out, fromPeer: back), hello)
    }

    /// Takes a session up as the dispatcher to which a hello was said; the same hello gives the same session.
    ///
    /// - Parameter header: that of the hello, opened by the same epoch.
    /// - Throws: `senderRole` unless a dispatcher opened the epoch, `wrongKind` when the header is of something else,
    ///   `sessionMismatch` when the hello was said to another boot, member or epoch, `decryption` when its key is none.
    public static func accept(
        _ hello: HelloMessage, header: RelayHeader, in epoch: Epoch, boot: BootID
    ) throws(SealingError) -> Session {
        guard epoch.member.role == .dispatcher else { throw SealingError(.senderRole, "only a dispatcher takes HELLO") }
        guard header.kind == .hello else { throw SealingError(.wrongKind, "this is no HELLO") }
        let own = End(member: hello.dispatcher, boot: hello.dispatcherBoot)
        let peer = End(member: header.sender, boot: header.boot)
        guard own == End(member: epoch.member.id, boot: boot), hello.core == epoch.core.hash,
            header.tenant == epoch.core.tenant, header.group == epoch.core.group, header.epoch == epoch.core.number,
            hello.encapsulatedKey.count == epoch.core.suite.encapsulatedKeySize
        else { throw SealingError(.sessionMismatch, "the HELLO is for another process, member or epoch") }
        let recipient = try epoch.recipient(
            encapsulated: hello.encapsulatedKey, info: info(epoch.core.hash, connector: peer, dispatcher: own))
        guard let back = try? recipient.exportSecret(context: toDispatcher, outputByteCount: 32),
            let out = try? recipient.exportSecret(context: toConnector, outputByteCount: 32)
        else { throw SealingError(.sessionMismatch, "the session's keys cannot be derived") }
        return Session(epoch, own: own, peer: peer, towardsPeer: out, fromPeer: back)
    }

    private static func info(_ core: CoreHash, connector: End, dispatcher: End) -> [UInt8] {
        label + core.bytes + connector.member.bytes + dispatcher.member.bytes + connector.boot.bytes
            + dispatcher.boot.bytes
    }

    /// Writes into a header what the messages of this end have in it.
    public func stamp(_ header: inout RelayHeader) {
        header.suite = suite.inHeader
        header.tenant = tenant
        header.group = group
        header.epoch = epoch
        header.sender = own.member
        header.boot = own.boot
    }

    /// Seals a message of this end.
    ///
    /// No two messages of a process may have the same header; the message id and the sequence see to that.
    ///
    /// - Throws: `sessionMismatch` when the header is not stamped, `wrongKind` and `senderRole` for what this end does
    ///   not say, `tooLarge` for a body that is too long.
    public func seal(_ header: RelayHeader, _ body: [UInt8]) throws(SealingError) -> [UInt8] {
        try check(header, from: own, role)
        return try SealedMessage.seal(header, body, key: sealingKey)
    }

    /// Opens a message of the other end.
    ///
    /// - Throws: `malformed` when it has another layout, or another header than the given one; `sessionMismatch` when it
    ///   is not of this session; `wrongKind` and `senderRole` for what that end does not say; `commitment`,
    ///   `decryption`, `padding`.
    public func open(_ payload: [UInt8], header: RelayHeader) throws(SealingError) -> ArraySlice<UInt8> {
        guard try SealedMessage.header(payload[...]) == header else {
            throw SealingError(.malformed, "the header is of another message")
        }
        try check(header, from: peer, role == .connector ? .dispatcher : .connector)
        return try SealedMessage.open(payload[...], key: try SealedMessage.messageKey(payload[...], key: openingKey))
    }

    private func check(_ header: RelayHeader, from end: End, _ role: MemberRole) throws(SealingError) {
        guard header.tenant == tenant else { throw SealingError(.foreignTenant, "another tenant's message") }
        guard header.suite == suite.inHeader else { throw SealingError(.wrongSuite, "a message of another suite") }
        guard header.group == group, header.epoch == epoch, header.sender == end.member, header.boot == end.boot else {
            throw SealingError(.sessionMismatch, "a message of another session")
        }
        guard case .session(let required) = header.kind.sealing else {
            throw SealingError(.wrongKind, "such messages are sealed for the group")
        }
        guard required == role else { throw SealingError(.senderRole, "the sender's role does not say such things") }
    }
}
