public import RelayFormat
internal import Synchronization

/// One party of the relay: writes its messages and reads those of others.
///
/// All that leaves a member passes `seal`, all that reaches it passes `open`: sealing has its one place here.
public final class Correspondent: Sendable {
    /// The tenant to which the party belongs.
    public let tenant: TenantID
    /// The party.
    public let member: MemberID
    /// The party's process.
    public let boot: BootID
    private let sequence = Atomic<UInt64>(0)

    /// Makes a party; `boot` must be drawn at random for each process, since message ids are counted from it.
    public init(tenant: TenantID, member: MemberID, boot: BootID) {
        self.tenant = tenant
        self.member = member
        self.boot = boot
    }

    /// Makes the bytes of a message.
    ///
    /// - Throws: what the body's encoding throws.
    public func seal(
        _ kind: MessageKind, _ body: some MessageBody, group: GroupID = .none, attempt: UInt32 = 0,
        correlation: RequestID = .none, at now: RelayTime
    ) throws(RelayFormatError) -> [UInt8] {
        let number = sequence.add(1, ordering: .relaxed).newValue
        let header = RelayHeader(
            kind: kind, tenant: tenant, group: group, attempt: attempt, sender: member, boot: boot, sequence: number,
            message: MessageID(high: boot.high, low: boot.low &+ number), correlation: correlation, issuedAt: now)
        return try Envelope.encode(header, body)
    }

    /// Reads a message and compares it with the place in which it was found.
    ///
    /// - Throws: what the header's decoding throws; `foreign` for another tenant, or a kind that does not belong there.
    public func open(_ payload: [UInt8], allowing kinds: Set<MessageKind>) throws(RelayFormatError) -> Envelope {
        let envelope = try Envelope(decoding: payload)
        guard envelope.header.tenant == tenant else { throw RelayFormatError(.foreign, in: "tenant") }
        guard kinds.contains(envelope.header.kind) else { throw RelayFormatError(.foreign, in: "kind") }
        return envelope
    }
}
