import CertificateAuthority
import EnrollmentProtocol
import IdentityStore
import Foundation
import MachineIdentity
import Testing

@testable import EnrollmentService

/// The next intermediate: nobody is locked out, and the one before goes when nobody needs it.
@Suite struct AuthorityRotationTests {
    private func rotate(_ stage: Stage, rootKey: String? = nil, distrust: Bool = false) async throws
        -> Installation.AuthorityRotation
    {
        try await Installation.rotateIntermediate(
            in: stage.installation.folder, rootKeyPEM: rootKey, distrustFormer: distrust, now: stage.now)
    }

    private func reopen(_ stage: Stage) async throws -> Installation {
        try await Installation.open(stage.installation.folder, now: stage.now)
    }

    @Test func oldAndNewAreBelievedUntilTheLastLeafOfTheOldHasEnded() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let before = try await reopen(stage)
        let rotation = try await rotate(stage)
        #expect(rotation.stillTrusted == 1)
        let during = try await reopen(stage)
        #expect(during.authority.intermediateCertificate == rotation.certificate)
        #expect(during.authority.rootCertificate == before.authority.rootCertificate)
        #expect(try during.authorityPin == before.authorityPin)
        #expect(try during.serverIssuerPin == before.serverIssuerPin, "invitations that were handed out stay good")
        _ = try during.authority.leafPolicy().judge(machine.certificate, at: stage.now)
        let name = try MachineName(trustDomain: "postern.test", tenant: "acme", account: "gw", connector: "c")
        let fresh = try during.authority.issueMachineCertificate(
            publicKey: MachineKey().publicKey, name: name, now: stage.now, serial: .random())
        _ = try during.authority.leafPolicy().judge(fresh.der, at: stage.now)

        stage.advance(by: 86_400 + 1)
        let after = try await reopen(stage)
        #expect(after.authority.trustedIntermediates == [rotation.certificate])
        #expect(throws: MachineIdentityError(.foreignCertificate, "")) {
            try after.authority.leafPolicy().judge(machine.certificate, at: stage.now)
        }
    }

    @Test func severalRotationsInARowKeepAllThatIsNeeded() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        // The one that signed last, and the one of which there is a certificate.
        for count in [1, 2, 2] { #expect(try await rotate(stage).stillTrusted == count) }
        _ = try await reopen(stage).authority.leafPolicy().judge(machine.certificate, at: stage.now)
        let keys = try FileManager.default.contentsOfDirectory(atPath: stage.path)
            .filter { $0.hasPrefix("intermediate") && $0.hasSuffix(".key") }
        #expect(keys.count == 1, "keys that sign no more are left: \(keys)")
    }

    @Test func whoIsRegisteredBetweenTheRotationAndTheRestartIsBelievedAfterwards() async throws {
        let stage = try await Stage()
        #expect(try await rotate(stage).stillTrusted == 1)
        let machine = try await stage.register(of: stage.acme)
        _ = try await reopen(stage).authority.leafPolicy().judge(machine.certificate, at: stage.now)
    }

    @Test func afterATheftTheOldOneIsNotBelieved() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        #expect(try await rotate(stage, distrust: true).stillTrusted == 0)
        let after = try await reopen(stage)
        #expect(throws: MachineIdentityError(.foreignCertificate, "")) {
            try after.authority.leafPolicy().judge(machine.certificate, at: stage.now)
        }
    }

    @Test func withoutTheRootsKeyNothingIsChanged() async throws {
        let stage = try await Stage()
        let before = try await reopen(stage).authority.intermediateCertificate
        let root = try String(contentsOfFile: stage.path + "/root.key", encoding: .utf8)
        try stage.installation.folder.remove("root.key")
        for key in [nil, "garbage", AuthorityKey.makeP384().pem()] {
            await #expect(throws: EnrollmentServiceError(.invalidArgument, "")) {
                _ = try await rotate(stage, rootKey: key)
            }
        }
        #expect(try await reopen(stage).authority.intermediateCertificate == before)
        #expect(try await rotate(stage, rootKey: root).certificate != before)
    }

    @Test func aCrashBetweenItsStepsLeavesAnAuthorityThatWorks() async throws {
        let stage = try await Stage()
        let rootKey = try AuthorityKey(pem: String(contentsOfFile: stage.path + "/root.key", encoding: .utf8))
        let before = try await reopen(stage).authority
        let key = AuthorityKey.makeP256()
        let next = try IssuingAuthority.makeIntermediate(
            trustDomain: "postern.test", key: key, rootCertificate: before.rootCertificate, rootKey: rootKey,
            now: stage.now, serial: .random())
        let id = try KeyFingerprint(ofKeyInCertificate: next.der).hex.prefix(16)
        // Killed after the key was written, then after the certificates were.
        try stage.installation.folder.write(Array(key.pem().utf8), to: "intermediate-\(id).key")
        #expect(try await reopen(stage).authority.intermediateCertificate == before.intermediateCertificate)
        try stage.installation.folder.write(
            Array(CertificatePEM.encode([next.der, before.intermediateCertificate]).utf8), to: "intermediate.pem")
        #expect(try await reopen(stage).authority.intermediateCertificate == next.der)
    }
}
