internal import BrokerCore
public import RelayFormat
public import RelayKeys
public import RelaySealing
internal import Synchronization

/// Messages in clear: for tests that are about something else, and as the floor of benchmarks.
///
/// No program links it, and `Keyring` refuses what it makes.
public final class PlainSealing: MessageSealing {
    /// Who speaks.
    public let party: Party
    private let sequence = Atomic<UInt64>(0)

    /// Speaks as that party.
    public init(_ party: Party) {
        self.party = party
    }

    public func seal(_ messages: [OutgoingMessage], at now: RelayTime) async -> SealedBatch {
        SealedBatch(
            records: messages.map { $0.record(payload(of: $0, at: now)) },
            carriers: messages.indices.map { .success($0) })
    }

    private func payload(of message: OutgoingMessage, at now: RelayTime) -> [UInt8] {
        let number = sequence.add(1, ordering: .relaxed).newValue
        let header = RelayHeader(
            kind: message.kind, tenant: party.tenant, group: message.group, attempt: message.attempt,
            sender: party.member, boot: party.boot, sequence: number,
            message: MessageID(high: party.boot.high, low: party.boot.low &+ number),
            correlation: message.correlation, issuedAt: now)
        var writer = ByteWriter(capacity: RelayHeader.size + message.body.count)
        header.encode(into: &writer)
        writer.write(raw: message.body)
        return writer.finish()
    }

    public func open(
        _ payload: [UInt8], from source: MessageSource, allowing kinds: Set<MessageKind>, at now: RelayTime
    ) throws(SealingError) -> [Envelope] {
        let envelope: Envelope
        do throws(RelayFormatError) { envelope = try Envelope(decoding: payload) } catch {
            throw SealingError(unreadable: error)
        }
        guard envelope.header.tenant == party.tenant else { throw SealingError(.foreignTenant, "another tenant's") }
        guard kinds.contains(envelope.header.kind) else { throw SealingError(.wrongKind, "it does not belong there") }
        guard !envelope.header.isBundle else { throw SealingError(.malformed, "nothing is bundled in clear") }
        return [envelope]
    }

    public func greetings(at now: RelayTime) -> [OutgoingMessage] { [] }

    public func greeting(to boot: BootID, at now: RelayTime) -> OutgoingMessage? { nil }

    public func isMember(_ member: MemberID, of group: GroupID) -> Bool { true }

    public func takeInvitation(of boot: BootID, at now: RelayTime) -> Bool { false }

    /// One message as it travels.
    public func payload(
        _ kind: MessageKind, _ body: some MessageBody, group: GroupID = .none, attempt: UInt32 = 0,
        correlation: RequestID = .none, at now: RelayTime
    ) throws -> [UInt8] {
        payload(
            of: try OutgoingMessage(
                kind, body, to: .presence(party.tenant), group: group, attempt: attempt, correlation: correlation,
                expiresAt: now),
            at: now)
    }
}

extension TenantKeys {
    /// Nothing is sealed.
    public static func plain(_ party: Party) -> TenantKeys { TenantKeys(sealing: PlainSealing(party)) }
}
