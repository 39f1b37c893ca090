import AuditLog
import AuditStore
import CertificateAuthority
import Crypto
import EnrollmentProtocol
import Foundation
import HTTPTypes
import IdentityStore
import MachineIdentity
import RelayFormat
import RelaySealing
import Testing

@testable import EnrollmentService

@Suite struct KeyAuthoritySuccessionTests {
    private func rotate(_ stage: Stage, rootKeyPEM: String? = nil) async throws -> Installation.KeyAuthorityRotation {
        try await stage.installation.rotateKeyAuthority(
            of: try stage.installation.registry.tenant(slug: "acme"), rootKeyPEM: rootKeyPEM, now: stage.now)
    }

    private func answer(_ stage: Stage, _ machine: Machine) async throws -> KeyAuthorityAnswer {
        try await stage.call(.get, APIPath.keyAuthority, certificate: machine.certificate).message()
    }

    @Test func theNextKeyIsNamedByTheOneBeforeAndSignsTheNextEpoch() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        try await stage.handInKeys(machine, of: stage.acme)
        let authority = stage.keyAuthority()
        await authority.advance()
        let before = try await stage.epoch(of: machine)
        let old = try stage.authorityKey(of: stage.acme)
        #expect(try await answer(stage, machine).successions.isEmpty)

        let rotation = try await rotate(stage)
        #expect(rotation.former == machine.answer.keyAuthority.pin)
        #expect(!rotation.isSignedByRoot)
        stage.advance(by: 1)
        await authority.advance()
        let after = try await stage.epoch(of: machine)
        #expect(after.core.previous == before.core.hash)
        let new = try stage.authorityKey(of: stage.acme)
        try after.verify(by: new)
        #expect(throws: SealingError.self) { try after.verify(by: old) }

        let told = try await answer(stage, machine)
        #expect(told.keyAuthority.pin == rotation.present)
        let step = try #require(told.successions.first)
        #expect(try CertificatePEM.decode(step.authority)[0] == stage.installation.authority.intermediateCertificate)
        let succession = try KeyAuthoritySuccession(decoding: Array(step.statement))
        let tenant = try #require(TenantID(stage.acme.tenant.id))
        let issuer = try P256.Signing.PublicKey(
            x963Representation: StoredCertificate.publicKey(in: stage.installation.authority.intermediateCertificate))
        try succession.verify(tenant: tenant, pinned: old, root: .p256(issuer))
        #expect(throws: SealingError.self) {
            try succession.verify(tenant: .random(), pinned: old, root: .p256(issuer))
        }
        // The other tenant's goes on as before; the old key is on the disk no more.
        let keys = try FileManager.default.contentsOfDirectory(atPath: stage.path).filter {
            $0.hasPrefix("key-authority-\(stage.acme.tenant.id)")
        }
        #expect(keys == [rotation.file])
        #expect(try stage.installation.registry.tenant(slug: "other") == stage.other.tenant)
        let rows = try await stage.installation.audit.file.head(of: stage.acme.tenant.id)
        #expect(rows.size > 0)
        // And once more, by a process that has just started.
        let restarted = try await Stage(restarting: stage)
        _ = try await rotate(restarted)
        #expect(try await answer(restarted, machine).successions.count == 2)
    }

    @Test func theRootItselfMayCountersignAndNobodyElse() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let root = try String(contentsOfFile: stage.path + "/root.key", encoding: .utf8)
        #expect(try await rotate(stage, rootKeyPEM: root).isSignedByRoot)
        let step = try #require(try await answer(stage, machine).successions.first)
        #expect(try CertificatePEM.decode(step.authority)[0] == stage.installation.authority.rootCertificate)
        let before = try stage.installation.registry.tenant(slug: "acme")
        for wrong in [AuthorityKey.makeP256().pem(), AuthorityKey.makeP384().pem(), "no key"] {
            await #expect(throws: EnrollmentServiceError.self) { try await rotate(stage, rootKeyPEM: wrong) }
        }
        #expect(try stage.installation.registry.tenant(slug: "acme") == before)
    }

    @Test func withoutTheKeyNothingIsCutAndNothingIsLost() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        try await stage.handInKeys(machine, of: stage.acme)
        let file = stage.path + "/key-authority-\(stage.acme.tenant.id).key"
        let aside = file + ".aside"
        try FileManager.default.moveItem(atPath: file, toPath: aside)
        let authority = stage.keyAuthority()
        await authority.advance()
        #expect(try await stage.keptEpoch(of: stage.acme) == nil)
        await #expect(throws: EnrollmentServiceError.self) { try await rotate(stage) }
        try FileManager.default.moveItem(atPath: aside, toPath: file)
        stage.advance(by: 5)
        await authority.advance()
        #expect(try await stage.keptEpoch(of: stage.acme) != nil)
    }
}
