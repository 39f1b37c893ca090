import CertificateAuthority
import Crypto
import EnrollmentClient
import EnrollmentProtocol
import Foundation
import IdentityStore
import MachineIdentity
import RelayFormat
import RelaySealing
import Synchronization
import Testing

@Suite final class MemberSealingTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "postern-seal-\(UUID().uuidString)")
        .path
    private let installation: TestInstallation
    private var store: FolderIdentityStore { FolderIdentityStore(path: folder) }

    init() throws { installation = try TestInstallation() }
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func with(
        _ tenant: SealingTenant, _ body: (MemberSealing, LoadedIdentity) async throws -> Void
    ) async throws {
        let server = try await TestServer(
            chain: installation.chain, key: installation.serverKey, clientRoot: installation.root
        ) { tenant.answer($0) }
        let identity = try tenant.identity(port: server.port, in: store)
        let connection = try TenantConnection(identity: identity, proxies: .none)
        do {
            try await body(MemberSealing(connection: connection, store: store), identity)
        } catch {
            Issue.record("\(error)")
        }
        await connection.shutdown()
        await server.stop()
    }

    private func code(_ body: () async throws -> Void) async -> EnrollmentClientError.Code? {
        do {
            try await body()
            return nil
        } catch { return (error as? EnrollmentClientError)?.code }
    }

    @Test func keysAreHandedInOnceAndAgainWhereTheTenantHasLostThem() async throws {
        let tenant = SealingTenant(installation)
        try await with(tenant) { sealing, _ async throws in
            #expect(try await sealing.handInKeys(at: Date()) == 2)
            let kept = tenant.state.withLock { $0.keys }
            #expect(kept.keys.sorted() == [1, 2])
            let digests = kept.map { HPKEKeyDigest(suite: $0, key: Array($1.key)) }
            #expect(try await sealing.handInKeys(known: digests, at: Date()) == 0)
            // After a restart, or when the tenant came back from a backup, the same keys.
            #expect(try await sealing.handInKeys(known: [], at: Date()) == 2)
            #expect(tenant.state.withLock { $0.keys.mapValues(\.key) } == kept.mapValues(\.key))
            #expect(tenant.state.withLock { $0.puts } == 4)
        }
    }

    @Test func aTenantThatIsAwayLosesNothing() async throws {
        let tenant = SealingTenant(installation)
        tenant.state.withLock { $0.refusesPuts = true }
        try await with(tenant) { sealing, identity async throws in
            #expect(await code { try await sealing.handInKeys(at: Date()) } == .unavailable)
            let made = try store.hpkeKeys.prepare(for: identity.key.fingerprint.hex, at: Date())
            tenant.state.withLock { $0.refusesPuts = false }
            try await sealing.handInKeys(at: Date())
            #expect(
                tenant.state.withLock { $0.keys[1].map { Array($0.key) } } == made.first?.publicKey.rawRepresentation)
        }
    }

    @Test func anEpochIsFetchedOpenedAndRememberedAndNoOlderOneTaken() async throws {
        let tenant = SealingTenant(installation)
        try await with(tenant) { sealing, identity async throws in
            try await sealing.handInKeys(at: Date())
            #expect(try await sealing.fetchEpoch(of: tenant.group) == nil)
            let first = try tenant.epoch(1000)
            tenant.publish(first)
            let fetched = try #require(try await sealing.fetchEpoch(of: tenant.group))
            #expect(fetched == first)
            #expect(try await sealing.fetchEpoch(of: tenant.group, known: first.core.hash) == nil)
            let member = try #require(fetched.core.members.first)
            let key = try #require(try await sealing.hpkeKey(for: member.hpkeKey))
            let epoch = try Epoch(
                opening: fetched, as: tenant.member, with: key, keyAuthority: tenant.authority.publicKey)
            try await sealing.remember(epoch.core, openedWith: [key.publicKey])
            #expect(try store.rememberedEpochs() == [first.core.mark])

            for wrong in [
                try tenant.epoch(999), try tenant.epoch(1000, previous: first.core.hash), try tenant.epoch(1001),
                try tenant.epoch(.max, tenant: .random()),
            ] {
                tenant.publish(wrong)
                #expect(await code { _ = try await sealing.fetchEpoch(of: tenant.group) } == .epochRefused)
            }
            tenant.publish(try tenant.epoch(2000, group: .random()))
            #expect(await code { _ = try await sealing.fetchEpoch(of: tenant.group) } == .unexpectedAnswer)
            let next = try tenant.epoch(1001, previous: first.core.hash)
            tenant.publish(next)
            #expect(try await sealing.fetchEpoch(of: tenant.group) == next)
            #expect(try store.load()?.record.keyAuthority == identity.record.keyAuthority)
        }
    }

    @Test func aRotatedKeyAuthorityIsFollowedOverSeveralSteps() async throws {
        let tenant = SealingTenant(installation)
        try await with(tenant) { sealing, _ async throws in
            try await sealing.handInKeys(at: Date())
            let (second, third) = (P256.Signing.PrivateKey(), P256.Signing.PrivateKey())
            tenant.state.withLock { state in
                state.authority = KeyAuthorityAnswer(
                    keyAuthority: SealingTenant.reference(third.publicKey),
                    successions: [
                        succession(tenant, from: P256.Signing.PrivateKey(), to: tenant.authority.publicKey),
                        succession(tenant, from: tenant.authority, to: second.publicKey),
                        succession(tenant, from: second, to: third.publicKey),
                    ].compactMap { $0 })
            }
            let manifest = try tenant.epoch(1000, signer: third)
            tenant.publish(manifest)
            #expect(try await sealing.fetchEpoch(of: tenant.group) == manifest)
            #expect(try store.load()?.record.keyAuthority == SealingTenant.reference(third.publicKey))
            // What the former one signs from now on is worth nothing.
            tenant.publish(try tenant.epoch(1001))
            #expect(await code { _ = try await sealing.fetchEpoch(of: tenant.group) } == .epochRefused)
        }
    }

    @Test(
        arguments: [
            "no statement", "thief's key", "forged", "no authority", "another installation", "another tenant",
            "cut off",
            "leaf as authority", "missing step",
        ])
    func aSuccessorThatIsNoneIsRefusedAndNothingChanges(_ attack: String) async throws {
        let tenant = SealingTenant(installation)
        let (thief, other) = (P256.Signing.PrivateKey(), try TestInstallation())
        let own = tenant.authority
        var steps: [KeyAuthorityAnswer.Succession?] = []
        switch attack {
        // A stolen enrollment service: it has the intermediate, and not the Key Authority's key.
        case "thief's key": steps = [succession(tenant, from: thief, to: thief.publicKey)]
        case "forged":
            steps = [succession(tenant, from: Forger(publicKey: own.publicKey, key: thief), to: thief.publicKey)]
        // A stolen Key Authority: it has no authority of the installation.
        case "no authority": steps = [succession(tenant, from: own, to: thief.publicKey, countersigner: .makeP256())]
        case "another installation":
            steps = [
                succession(
                    tenant, from: own, to: thief.publicKey, countersigner: other.authority.issuingKey,
                    certificate: other.authority.intermediateCertificate)
            ]
        case "another tenant":
            steps = [succession(SealingTenant(installation), from: own, to: thief.publicKey)]
        case "cut off":
            var step = succession(tenant, from: own, to: thief.publicKey)
            step?.statement.removeLast()
            steps = [step]
        // Any machine of the installation has a key that the intermediate has certified.
        case "leaf as authority":
            let machine = MachineKey()
            let leaf = try installation.authority.issueMachineCertificate(
                publicKey: machine.publicKey,
                name: MachineName(trustDomain: "example.org", tenant: "acme", account: "gw", connector: "x"),
                now: Date(), serial: .random())
            steps = [
                succession(
                    tenant, from: own, to: thief.publicKey,
                    countersigner: try AuthorityKey(pem: machine.pem().reveal()), certificate: leaf.der)
            ]
        case "missing step":
            let between = P256.Signing.PrivateKey()
            steps = [succession(tenant, from: between, to: thief.publicKey)]
        default: break
        }
        try await with(tenant) { sealing, identity async throws in
            try await sealing.handInKeys(at: Date())
            tenant.state.withLock { state in
                state.authority = KeyAuthorityAnswer(
                    keyAuthority: SealingTenant.reference(thief.publicKey), successions: steps.compactMap { $0 })
            }
            tenant.publish(try tenant.epoch(1000, signer: thief))
            #expect(await code { _ = try await sealing.fetchEpoch(of: tenant.group) } == .successionRefused)
            #expect(await code { try await sealing.adoptSuccessor() } == .successionRefused)
            #expect(try store.load()?.record.keyAuthority == identity.record.keyAuthority)
        }
    }

    /// A successor that is kept while a renewal is under way is not undone by its end.
    @Test func aRenewalDoesNotBringTheFormerAuthorityBack() async throws {
        let tenant = SealingTenant(installation)
        try await with(tenant) { _, identity in
            let successor = SealingTenant.reference(P256.Signing.PrivateKey().publicKey)
            let key = try store.beginRenewal()
            let issued = try installation.authority.issueMachineCertificate(
                publicKey: key.publicKey,
                name: MachineName(
                    trustDomain: "example.org", tenant: "acme", account: "gw", connector: tenant.member.description),
                now: Date(), serial: .random())
            let renewed = LoadedIdentity(
                record: identity.record, key: key, certificates: [issued.der] + identity.certificates.dropFirst())
            try store.keep(renewed)
            try store.adopt(successor)
            try store.confirmRenewal()
            #expect(try store.load()?.record.keyAuthority == successor)
            #expect(try store.promoteRenewal().record.keyAuthority == successor)
            // The next renewal begins with what the running process knows, which is older.
            let next = try store.beginRenewal()
            let again = try installation.authority.issueMachineCertificate(
                publicKey: next.publicKey,
                name: MachineName(
                    trustDomain: "example.org", tenant: "acme", account: "gw", connector: tenant.member.description),
                now: Date(), serial: .random())
            try store.keep(
                LoadedIdentity(
                    record: identity.record, key: next, certificates: [again.der] + identity.certificates.dropFirst()))
            try store.confirmRenewal()
            #expect(try store.promoteRenewal().record.keyAuthority == successor)
        }
    }

    private func succession(
        _ tenant: SealingTenant, from old: some IdentitySigning, to new: P256.Signing.PublicKey,
        countersigner: AuthorityKey? = nil, certificate: [UInt8]? = nil
    ) -> KeyAuthorityAnswer.Succession? {
        let signer = countersigner ?? installation.authority.issuingKey
        let made = try? KeyAuthoritySuccession(
            tenant: tenant.tenant, from: old, to: new,
            at: RelayTime(milliseconds: UInt64(Date().timeIntervalSince1970 * 1000)),
            root: { try signer.signature(over: $0) })
        return made.map {
            .init(
                statement: $0.encoded,
                authority: CertificatePEM.encode([certificate ?? installation.authority.intermediateCertificate]))
        }
    }
}

/// Signs with its own key in another one's name.
private struct Forger: IdentitySigning {
    let publicKey: P256.Signing.PublicKey
    let key: P256.Signing.PrivateKey

    func signature(over bytes: [UInt8]) throws -> [UInt8] { try key.signature(over: bytes) }
}
