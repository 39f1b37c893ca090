internal import Crypto
internal import RelayFormat
internal import RelayKeys
internal import RelaySealing
internal import SealedRelay

/// Epochs, statements about keys, and sealed messages as a party meets them: none but the true ones opens.
extension FuzzTarget {
    static let sealing: [FuzzTarget] = {
        do { return try SealingSuite.allCases.flatMap { try targets($0) } } catch {
            preconditionFailure("a stage cannot be made: \(error)")
        }
    }()

    private static func targets(_ suite: SealingSuite) throws -> [FuzzTarget] {
        let stage = try FuzzStage(suite)
        let (manifest, authority) = (stage.manifest, stage.authority.publicKey)
        let truth = manifest.encoded
        func name(_ reader: String) -> String { "\(reader)-suite-\(suite.rawValue)" }
        let identity = P256.Signing.PrivateKey()
        let statement = try HPKEKeyStatement.make(
            HPKEPrivateKey(suite: suite).publicKey, tenant: stage.tenant, member: stage.connector.party.member,
            signer: identity
        ).encoded
        let root = P384.Signing.PrivateKey()
        let succession = try KeyAuthoritySuccession(
            tenant: stage.tenant, from: identity, to: P256.Signing.PrivateKey().publicKey, at: stage.now
        ) { Array(try root.signature(for: $0).derRepresentation) }.encoded
        let rootKey = KeyAuthoritySuccession.Root.p384(root.publicKey)
        let (tenant, member, identityKey) = (stage.tenant, stage.connector.party.member, identity.publicKey)
        return [
            FuzzTarget(name: name("core"), seeds: [manifest.core.encoded]) { bytes in
                guard let core = try? EpochCore(decoding: bytes) else { return }
                let again = try? EpochCore(
                    suite: core.suite, tenant: core.tenant, group: core.group, number: core.number,
                    previous: core.previous, notBefore: core.notBefore, notAfter: core.notAfter, members: core.members)
                precondition(again?.encoded == bytes, "another core")
            },
            FuzzTarget(name: name("manifest"), seeds: [truth]) { bytes in
                guard let read = try? EpochManifest(decoding: bytes) else { return }
                precondition(read.encoded == bytes, "another manifest")
                let isTaken = (try? read.verify(by: authority)) != nil
                precondition(isTaken == (bytes == truth), "a changed manifest is taken")
            },
            FuzzTarget(name: name("statement"), seeds: [statement]) { bytes in
                guard let read = try? HPKEKeyStatement(decoding: bytes) else { return }
                let isTaken = (try? read.verify(tenant: tenant, member: member, identityKey: identityKey)) != nil
                precondition(isTaken == (bytes == statement), "a changed statement is taken")
            },
            FuzzTarget(name: name("succession"), seeds: [succession]) { bytes in
                guard let read = try? KeyAuthoritySuccession(decoding: bytes) else { return }
                let isTaken = (try? read.verify(tenant: tenant, pinned: identityKey, root: rootKey)) != nil
                precondition(isTaken == (bytes == succession), "a changed succession is taken")
            },
            body(name("hello"), stage.hello),
            messages(name("for-connector"), stage.forConnector, stage.connector, from: .group(stage.group), stage.now),
            messages(name("for-dispatcher"), stage.forDispatcher, stage.dispatcher, from: .inbox, stage.now),
            messages(name("presence"), stage.beats, stage.dispatcher, from: .presence, stage.now),
        ]
    }

    /// What reaches a party: what was not said opens never, what was said may have been heard before.
    private static func messages(
        _ name: String, _ said: [[UInt8]], _ keyring: Keyring, from source: MessageSource, _ now: RelayTime
    ) -> FuzzTarget {
        let truth = Set(said)
        return FuzzTarget(name: name, seeds: said) { bytes in
            let isOpen = (try? keyring.open(bytes, from: source, allowing: Set(MessageKind.allCases), at: now)) != nil
            precondition(!isOpen || truth.contains(bytes), "a changed message opens")
        }
    }
}
