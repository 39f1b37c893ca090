import BrokerCore
import RelayFormat
import RelayKeys
import RelaySealing
import SealedRelay
import Testing

/// A dispatcher and two connectors of one group, at a time that the test sets.
struct KeyringStage {
    let authority: TestKeyAuthority
    let tenant = TenantID.random()
    let group = GroupID.random()
    let dispatcher: Keyring
    let one: Keyring
    let two: Keyring
    let keys: [MemberID: MemberKeys]
    var now = RelayClock.system.now

    init(suite: SealingSuite = .x25519) throws {
        let authority = TestKeyAuthority(tenant: tenant, suite: suite)
        self.authority = authority
        func keyring(_ role: MemberRole, _ tenant: TenantID) -> Keyring {
            Keyring(
                party: Party(tenant: tenant, member: .random(), boot: .random(), role: role),
                authority: authority.publicKey)
        }
        dispatcher = keyring(.dispatcher, tenant)
        one = keyring(.connector, tenant)
        two = keyring(.connector, tenant)
        var keys: [MemberID: MemberKeys] = [:]
        for keyring in [dispatcher, one, two] { keys[keyring.party.member] = try authority.newKeys() }
        self.keys = keys
        for keyring in [one, two] { try authority.join(keyring.party.member, keysOf(keyring), [group]) }
        try authority.joinAsDispatcher(dispatcher.party.member, keysOf(dispatcher))
        try install(in: dispatcher, one, two)
    }

    func keysOf(_ keyring: Keyring) throws -> MemberKeys { try #require(keys[keyring.party.member]) }

    /// Hands the present epoch out.
    func install(in keyrings: Keyring...) throws {
        let manifest = try #require(try authority.manifest(of: group))
        for keyring in keyrings { try keyring.install(manifest, with: keysOf(keyring), at: now) }
    }

    /// Cuts the next epoch, without handing it out.
    func cut(number: UInt32? = nil) throws { try authority.cut(group, number: number, from: now) }

    func inbox(_ keyring: Keyring) -> Place { .inbox(InboxPlace(tenant: tenant, boot: keyring.party.boot)) }

    func request(_ number: Int = 0) throws -> OutgoingMessage {
        let message = RequestMessage(
            service: "web", requestClass: .safe, deadline: now + .seconds(30), dispatchUntil: now + .seconds(30),
            operation: .http(HTTPRequestContent(method: "GET", target: "/\(number)", headers: [], body: [])))
        return try OutgoingMessage(
            .request, message, to: .group(GroupPlace(tenant: tenant, group: group)), group: group, attempt: 1,
            correlation: .random(), expiresAt: now + .seconds(30))
    }

    func invitation(to keyring: Keyring) throws -> OutgoingMessage {
        try OutgoingMessage(
            .invite, InviteMessage(now: now, bootNumber: 1), to: inbox(keyring), group: group,
            expiresAt: now + .seconds(30))
    }

    func word(_ kind: MessageKind, to keyring: Keyring) throws -> OutgoingMessage {
        try OutgoingMessage(kind, EmptyMessage(), to: inbox(keyring), expiresAt: now + .seconds(30))
    }

    func beat(of group: GroupID) throws -> OutgoingMessage {
        let beat = BeatMessage(
            role: .connector, readiness: .ready, bootNumber: 1, name: "one", version: "test", services: [], inFlight: 0,
            credit: 1)
        return try OutgoingMessage(
            .beat, beat, to: .presence(tenant), group: group, expiresAt: now + .seconds(3))
    }

    /// What one says, sealed: first what has to be known before.
    func say(_ messages: OutgoingMessage..., by keyring: Keyring) async throws -> [[UInt8]] {
        let batch = await keyring.seal(messages, at: now)
        for carrier in batch.carriers { _ = try carrier.get() }
        return batch.records.map(\.payload)
    }

    @discardableResult
    func hear(
        _ payload: [UInt8], by keyring: Keyring, from source: MessageSource = .inbox
    ) throws(SealingError) -> MessageKind {
        let opened = try keyring.open(payload, from: source, allowing: Set(MessageKind.allCases), at: now)
        return opened[0].header.kind
    }

    /// Lets a connector know the dispatcher, as an invitation does.
    func meet(_ keyring: Keyring) async throws {
        for payload in try await say(invitation(to: keyring), by: dispatcher) { try hear(payload, by: keyring) }
    }

    func refusal(
        of payload: [UInt8], by keyring: Keyring, from source: MessageSource = .inbox
    ) -> SealingError.Code? {
        do throws(SealingError) {
            try hear(payload, by: keyring, from: source)
            return nil
        } catch {
            return error.code
        }
    }
}
