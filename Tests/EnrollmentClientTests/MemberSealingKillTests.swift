import CertificateAuthority
import Crypto
import EnrollmentClient
import EnrollmentProtocol
import Failpoints
import Foundation
import IdentityStore
import MachineIdentity
import RelayFormat
import RelaySealing
import Synchronization
import Testing

/// Real processes that kill themselves at each point at which a member's sealing state is half written.
@Suite(.timeLimit(.minutes(2))) struct MemberSealingKillTests {
    @Test(
        "A member that is killed on its way to new keys, an epoch or another Key Authority goes on at the next start",
        arguments: Failpoint.allCases.filter { $0.rawValue.hasPrefix("hpke.") || $0.rawValue.hasPrefix("authority.") })
    func kill(at point: Failpoint) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "postern-seal-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let installation = try TestInstallation()
        let tenant = SealingTenant(installation)
        let server = try await TestServer(
            chain: installation.chain, key: installation.serverKey, clientRoot: installation.root
        ) { tenant.answer($0) }
        let store = FolderIdentityStore(path: folder)
        _ = try tenant.identity(port: server.port, in: store)
        let former = try store.hpkeKeys.prepare(for: "former", at: Date(timeIntervalSince1970: 1000))
        let successor = P256.Signing.PrivateKey()
        let succession = try KeyAuthoritySuccession(
            tenant: tenant.tenant, from: tenant.authority, to: successor.publicKey,
            at: RelayTime(milliseconds: UInt64(Date().timeIntervalSince1970 * 1000)),
            root: { try installation.authority.issuingKey.signature(over: $0) })
        tenant.state.withLock { state in
            state.signer = successor
            state.authority = KeyAuthorityAnswer(
                keyAuthority: SealingTenant.reference(successor.publicKey),
                successions: [
                    .init(
                        statement: succession.encoded,
                        authority: CertificatePEM.encode([installation.authority.intermediateCertificate]))
                ])
        }

        let group = tenant.group.description
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [folder = folder as String, group = group as String, point = point.rawValue as String] in
            setenv("POSTERN_FAILPOINT", "\(point):1", 1)
            try await Self.work(folder, group)
        }
        try await Self.work(folder, group)
        await server.stop()

        // All of it is as if nothing had happened.
        let core = try #require(tenant.state.withLock { $0.manifest?.core })
        #expect(try store.rememberedEpochs() == [core.mark])
        #expect(try store.load()?.record.keyAuthority == SealingTenant.reference(successor.publicKey))
        for key in former { #expect(try store.hpkeKeys.key(for: key.publicKey) == nil) }
        for kept in tenant.state.withLock({ $0.keys.values }) {
            let suite = try #require(SealingSuite(rawValue: UInt8(kept.suite)))
            let key = try HPKEPublicKey(suite: suite, rawRepresentation: Array(kept.key))
            #expect(try store.hpkeKeys.key(for: key) != nil)
        }
        // No key was made twice: the first one was found again.
        #expect(core.number == 1000)
    }

    /// What a member does at its start.
    private static func work(_ folder: String, _ group: String) async throws {
        let store = FolderIdentityStore(path: folder)
        let identity = try #require(try store.load())
        let connection = try TenantConnection(identity: identity, proxies: .none)
        let sealing = MemberSealing(connection: connection, store: store)
        try await sealing.handInKeys(at: Date())
        let group = try #require(GroupID(group))
        let manifest = try #require(try await sealing.fetchEpoch(of: group))
        let id = try #require(MemberID(identity.record.connectorID))
        let member = try #require(manifest.core.member(id))
        let key = try #require(try await sealing.hpkeKey(for: member.hpkeKey))
        let authority = try await sealing.knownAuthority()
        let epoch = try Epoch(
            opening: manifest, as: id, with: key,
            keyAuthority: try P256.Signing.PublicKey(pemRepresentation: authority.publicKey))
        try await sealing.remember(epoch.core, openedWith: [key.publicKey])
        await connection.shutdown()
    }
}
