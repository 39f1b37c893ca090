import CertificateAuthority
import Crypto
import EnrollmentProtocol
import Foundation
import GRDB
import HTTPTypes
import MachineIdentity
import RelayFormat
import RelaySealing
import Testing

@testable import EnrollmentService

@Suite struct YearOfEpochsTests {
    /// A year of renewals, new HPKE keys, epochs and rotations of the Key Authority, as a connector lives through it.
    @Test func aConnectorFollowsEveryEpochAndEveryKeyAuthorityOfAYear() async throws {
        let stage = try await Stage()
        let start = stage.now
        var machine = try await stage.register(of: stage.acme)
        let authority = stage.keyAuthority()
        let tenant = try #require(TenantID(stage.acme.tenant.id))
        var pinned = try stage.authorityKey(of: stage.acme)
        let issuer = try P256.Signing.PublicKey(
            x963Representation: StoredCertificate.publicKey(in: stage.installation.authority.intermediateCertificate))
        var key = try await stage.handInKeys(machine, of: stage.acme)
        await authority.advance()
        var core = try await stage.epoch(of: machine).core
        var (epochs, steps, month) = (1, 0, 0)

        while stage.now < start.addingTimeInterval(365 * 86400), steps < 2000 {
            steps += 1
            // Half-way to the next renewal, and at it.
            let isRenewal = steps.isMultiple(of: 2)
            stage.advance(by: max(1, machine.answer.renewAt.timeIntervalSince(stage.now) / (isRenewal ? 1 : 2)))
            if isRenewal {
                machine = try await stage.renew(machine)
                #expect(try await stage.verdict(on: machine) == nil)
                key = try await stage.handInKeys(machine, of: stage.acme)
            }
            let passed = Int(stage.now.timeIntervalSince(start) / (30 * 86400))
            if passed > month {
                month = passed
                _ = try await stage.installation.rotateKeyAuthority(
                    of: try stage.installation.registry.tenant(slug: "acme"), rootKeyPEM: nil, now: stage.now)
            }
            await authority.advance()
            let manifest = try await stage.epoch(of: machine)
            guard manifest.core != core else { continue }
            epochs += 1
            try manifest.core.check(after: core.mark)
            #expect(manifest.core.number > core.number)
            #expect(manifest.core.previous == core.hash)
            if (try? manifest.verify(by: pinned)) == nil {
                let answer = try await stage.call(.get, APIPath.keyAuthority, certificate: machine.certificate)
                    .message(KeyAuthorityAnswer.self)
                for step in answer.successions {
                    let succession = try KeyAuthoritySuccession(decoding: Array(step.statement))
                    guard succession.oldKey.rawRepresentation == pinned.rawRepresentation else { continue }
                    try succession.verify(tenant: tenant, pinned: pinned, root: .p256(issuer))
                    pinned = succession.newKey
                }
            }
            let epoch = try Epoch(
                opening: manifest, as: try #require(MemberID(machine.id)), with: key, keyAuthority: pinned)
            #expect(epoch.member.identityKey.rawRepresentation == machine.key.publicKey.rawRepresentation)
            core = manifest.core
        }
        #expect(month == 12)
        #expect(epochs > 500)
        #expect(pinned.rawRepresentation == (try stage.authorityKey(of: stage.acme)).rawRepresentation)
        // No epoch of the past is kept for long.
        let rows = try await stage.installation.registry.database.read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM epochs")
        }
        #expect((1...2).contains(rows ?? 0))
    }
}
