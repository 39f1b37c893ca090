import Crypto
import RelayFormat
import RelaySealing

/// A group with its Key Authority: one dispatcher and some connectors, each with its keys and its opened epoch.
struct SealingStage {
    /// One of them, with what only it knows.
    struct Person {
        let member: EpochMember
        let identity: P256.Signing.PrivateKey
        let hpke: HPKEPrivateKey
        let boot: BootID
    }

    static let tenant = TenantID(high: 0x7e, low: 1)
    static let group = GroupID(high: 0x6f, low: 1)
    static let now = RelayTime(milliseconds: 1_700_000_000_000)

    let suite: SealingSuite
    let authority = P256.Signing.PrivateKey()
    let dispatcher: Person
    let connectors: [Person]
    let core: EpochCore
    let manifest: EpochManifest

    init(suite: SealingSuite = .x25519, connectors count: Int = 2, number: UInt32 = 7) throws {
        self.suite = suite
        dispatcher = try Self.person(1, .dispatcher, suite)
        connectors = try (0..<count).map { try Self.person(UInt64($0) + 10, .connector, suite) }
        core = try EpochCore(
            suite: suite, tenant: Self.tenant, group: Self.group, number: number,
            notBefore: Self.now, notAfter: Self.now + .seconds(24 * 3600),
            members: [dispatcher.member] + connectors.map(\.member))
        manifest = try EpochManifest.make(core, secret: EpochSecret(), signer: authority)
    }

    static func person(_ number: UInt64, _ role: MemberRole, _ suite: SealingSuite) throws -> Person {
        let identity = P256.Signing.PrivateKey()
        let hpke = try HPKEPrivateKey(suite: suite)
        let member = EpochMember(
            id: MemberID(high: 0x3e, low: number), role: role, identityKey: identity.publicKey, hpkeKey: hpke.publicKey)
        return Person(member: member, identity: identity, hpke: hpke, boot: BootID(high: 0xb0, low: number))
    }

    func epoch(of person: Person) throws -> Epoch {
        try Epoch(
            opening: manifest, as: person.member.id, with: person.hpke, keyAuthority: authority.publicKey)
    }

    /// A stamped header of a person's message.
    func header(_ kind: MessageKind, from person: Person, sequence: UInt64 = 1) -> RelayHeader {
        RelayHeader(
            kind: kind, suite: suite.inHeader, tenant: Self.tenant, group: Self.group, epoch: core.number,
            attempt: kind == .request ? 1 : 0, sender: person.member.id, boot: person.boot, sequence: sequence,
            message: MessageID(high: person.boot.high, low: person.boot.low &+ sequence << 32),
            correlation: RequestID(high: 9, low: sequence), issuedAt: Self.now)
    }

    /// Seals one message of a person for the group.
    func seal(_ kind: MessageKind, _ body: [UInt8], from person: Person, sequence: UInt64 = 1) throws -> [UInt8] {
        try epoch(of: person).seal(
            [(header(kind, from: person, sequence: sequence), body)], by: person.identity, at: Self.now)[0]
    }

    /// A session between the first connector and the dispatcher, both ends of it.
    func session() throws -> (connector: Session, dispatcher: Session) {
        let (session, hello) = try Session.begin(
            in: epoch(of: connectors[0]), boot: connectors[0].boot, with: dispatcher.member.id, boot: dispatcher.boot)
        let accepted = try Session.accept(
            hello, header: header(.hello, from: connectors[0]), in: epoch(of: dispatcher), boot: dispatcher.boot)
        return (session, accepted)
    }
}

/// The code with which something was refused; nil when it was not.
func refusal(_ work: () throws -> some Any) -> SealingError.Code? {
    do {
        _ = try work()
        return nil
    } catch {
        return (error as? SealingError)?.code
    }
}

/// The header in front of a message.
func headerOf(_ payload: [UInt8]) throws -> RelayHeader { try Envelope(decoding: payload).header }
