internal import BrokerCore
internal import Crypto
internal import RelayFormat
internal import RelayKeys
internal import RelaySealing
internal import SealedRelay

/// A dispatcher and a connector of one epoch who have a session, and what each has said to the other.
struct FuzzStage {
    let authority: TestKeyAuthority
    let tenant = TenantID.random()
    let group = GroupID.random()
    let now = RelayClock.system.now
    let dispatcher: Keyring
    let connector: Keyring
    let manifest: EpochManifest
    let hello: HelloMessage
    /// Requests and an invitation, for the group.
    let forConnector: [[UInt8]]
    /// A HELLO, and answers alone and together.
    let forDispatcher: [[UInt8]]
    let beats: [[UInt8]]

    init(_ suite: SealingSuite) throws {
        let (tenant, group, now) = (tenant, group, now)
        let authority = TestKeyAuthority(tenant: tenant, suite: suite)
        func party(_ role: MemberRole) -> Party {
            Party(tenant: tenant, member: .random(), boot: .random(), role: role)
        }
        let (asking, answering) = (party(.dispatcher), party(.connector))
        let identities = (P256.Signing.PrivateKey(), P256.Signing.PrivateKey())
        let dispatcherKeys = MemberKeys(identity: identities.0, hpke: try HPKEPrivateKey(suite: suite))
        let connectorKeys = MemberKeys(identity: identities.1, hpke: try HPKEPrivateKey(suite: suite))
        try authority.join(answering.member, connectorKeys, [group])
        try authority.joinAsDispatcher(asking.member, dispatcherKeys)
        guard let manifest = try authority.manifest(of: group) else { preconditionFailure("the group has an epoch") }
        dispatcher = Keyring(party: asking, authority: authority.publicKey)
        connector = Keyring(party: answering, authority: authority.publicKey)
        _ = try dispatcher.install(manifest, with: dispatcherKeys, at: now)
        _ = try connector.install(manifest, with: connectorKeys, at: now)
        (self.authority, self.manifest) = (authority, manifest)

        let verified = try manifest.verified(by: authority.publicKey)
        let epochs = (
            try Epoch(opening: verified, as: asking.member, with: dispatcherKeys.hpke),
            try Epoch(opening: verified, as: answering.member, with: connectorKeys.hpke)
        )
        func header(_ kind: MessageKind, _ party: Party, _ sequence: UInt64, isBundle: Bool = false) -> RelayHeader {
            RelayHeader(
                kind: kind, isBundle: isBundle, tenant: tenant, group: group, sender: party.member, boot: party.boot,
                sequence: sequence, message: .random(), issuedAt: now)
        }
        func sealed(
            _ kinds: [MessageKind], _ party: Party, _ epoch: Epoch, _ key: P256.Signing.PrivateKey, body: [UInt8] = [1]
        ) throws -> [[UInt8]] {
            let batch = kinds.enumerated().map { index, kind in
                var header = header(kind, party, UInt64(index) + 1)
                epoch.stamp(&header)
                return (header: header, body: body)
            }
            return try epoch.seal(batch, by: key, at: now)
        }
        forConnector = try sealed([.request, .request, .invite], asking, epochs.0, identities.0)
        beats = try sealed([.beat, .beat], answering, epochs.1, identities.1)
        let (session, hello) = try Session.begin(
            in: epochs.1, boot: answering.boot, with: asking.member, boot: asking.boot)
        self.hello = hello
        let greeting = try sealed([.hello], answering, epochs.1, identities.1, body: hello.encoded)
        _ = try dispatcher.open(greeting[0], from: .inbox, allowing: [.hello], at: now)
        let together = MessageBundle.body(of: (1...3).map { ($0, .random(), [1, 2]) })
        forDispatcher =
            greeting
            + (try [false, true].enumerated().map { index, isBundle in
                var header = header(.response, answering, UInt64(index) + 1, isBundle: isBundle)
                session.stamp(&header)
                return try session.seal(header, isBundle ? together : [1])
            })
    }
}
