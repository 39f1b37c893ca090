import Crypto
import EnrollmentProtocol
import Foundation
import HTTPTypes
import MachineIdentity
import SwiftASN1
import Testing
import X509

@testable import EnrollmentService

@Suite struct RenewalTests {
    @Test func aNewKeyGetsTheNextCertificateOfTheSameConnector() async throws {
        let stage = try await Stage()
        let first = try await stage.register(of: stage.acme)
        stage.advance(by: 16 * 3600)
        let second = try await stage.renew(first)
        #expect(second.id == first.id)
        #expect(second.answer.generation == 2)
        #expect(second.answer.notAfter == stage.now.addingTimeInterval(86400))
        #expect(second.answer.renewAt > stage.now.addingTimeInterval(13 * 3600))
        #expect(second.answer.renewAt < stage.now.addingTimeInterval(19 * 3600))
        #expect(second.answer.chain == first.answer.chain)
        let (old, new) = (
            try Certificate(derEncoded: first.certificate), try Certificate(derEncoded: second.certificate)
        )
        #expect(new.subject == old.subject)
        #expect(new.serialNumber != old.serialNumber)
        #expect(
            try new.extensions.subjectAlternativeNames.map { Array($0) }
                == old.extensions.subjectAlternativeNames.map { Array($0) })
        #expect(try new.extensions.extendedKeyUsage == ExtendedKeyUsage([.clientAuth]))
        #expect(new.publicKey == Certificate.PublicKey(second.key.publicKey))
        let seen = try await stage.connector(first)
        #expect(seen.generation == 2)
        #expect(seen.notAfter == second.answer.notAfter)
        #expect(seen.keyFingerprint.description == KeyFingerprint(second.key.publicKey).description)
    }

    @Test func theOldCertificateCountsUntilTheNewOneIsUsed() async throws {
        let stage = try await Stage()
        let first = try await stage.register(of: stage.acme)
        let second = try await stage.renew(first)
        #expect(try await stage.verdict(on: first) == nil)
        #expect(try await stage.verdict(on: first) == nil)
        #expect(try await stage.verdict(on: second) == nil)
        #expect(try await stage.verdict(on: first) == .staleGeneration)
        #expect(try await stage.verdict(on: second) == nil)
        let third = try await stage.renew(second)
        // Two behind is never accepted, used or not.
        #expect(try await stage.verdict(on: first) == .staleGeneration)
        #expect(try await stage.verdict(on: second) == nil)
        #expect(try await stage.verdict(on: third) == nil)
        #expect(try await stage.verdict(on: second) == .staleGeneration)
    }

    @Test func aLostAnswerIsRepeatedForTheOldAndTheNewCertificate() async throws {
        let stage = try await Stage()
        let first = try await stage.register(of: stage.acme)
        let key = MachineKey()
        let answer = try await stage.askToRenew(first, key: key)
        let second = try first.renewed(key: key, answer.message())
        stage.advance(by: 3600)
        #expect(try await stage.askToRenew(first, key: key).body == answer.body)
        #expect(try await stage.askToRenew(first, key: key).body == answer.body)
        #expect(try await stage.askToRenew(second, key: key).body == answer.body)
        // The old certificate is out of use now; with the new key's signature beside it, it still tells nobody anything.
        #expect(try await stage.verdict(on: first) == .staleGeneration)
        #expect(try await stage.askToRenew(first, key: key).body == answer.body)
        #expect(try await stage.connector(first).state == .active)
        #expect(try await stage.connector(first).generation == 2)
    }

    @Test func whatIsWrongIsRefusedAndChangesNothing() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        let neighbour = try await stage.register(of: stage.acme)
        let revoked = try await stage.register(of: stage.acme)
        _ = try await stage.call(.post, "/v1/connectors/\(revoked.id)/revoke", bearer: stage.acme.administrator)
        let used = try await stage.renew(machine)
        #expect(try await stage.verdict(on: used) == nil)
        let request = try CertificateRequest.make(key: MachineKey(), challenge: "")
        var forged = request.der
        forged[forged.count - 1] ^= 1
        let forgedPEM = PEMDocument(type: "CERTIFICATE REQUEST", derBytes: forged).pemString
        let other = try CertificateSigningRequest(
            version: .v1, subject: DistinguishedName { CommonName("x") },
            privateKey: Certificate.PrivateKey(P384.Signing.PrivateKey()), attributes: .init())
        let table: [(String, String, Int, String?, EnrollmentProblem)] = [
            ("no request", "", 2, nil, .invalidCSR),
            ("a forged signature", forgedPEM, 2, nil, .proofOfPossessionFailed),
            ("a key on another curve", try other.serializeAsPEM().pemString, 2, nil, .unsupportedKey),
            ("another's key", try Self.request(neighbour.key), 2, nil, .keyReuse),
            ("its own key of before", try Self.request(machine.key), 2, nil, .keyReuse),
            ("a revoked key", try Self.request(revoked.key), 2, nil, .keyReuse),
            ("a generation of before", request.pem, 1, nil, .staleGeneration),
            ("a generation to come", request.pem, 3, nil, .staleGeneration),
            ("a machine that is no hash", request.pem, 2, "my host", .malformedRequest),
        ]
        for (what, csr, generation, hash, problem) in table {
            let answer = try await stage.call(
                .post, APIPath.renewCertificate, certificate: used.certificate,
                message: RenewRequest(csr: csr, generation: generation, machine: hash))
            #expect(answer.problem == problem, "\(what): \(answer.text)")
        }
        for body in [#"{"csr":"","generation":2,"san":"x"}"#, #"{"csr":""}"#, "[]", "{"] {
            let answer = try await stage.call(
                .post, APIPath.renewCertificate, certificate: used.certificate, body: body)
            #expect(answer.problem == .malformedRequest)
        }
        #expect(try await stage.connector(machine).generation == 2)
        #expect(try await stage.connector(machine).state == .active)
        #expect(try await stage.askToRenew(revoked, key: MachineKey()).problem == .certificateRevoked)
        #expect(try await stage.call(.post, APIPath.renewCertificate, body: "{}").problem == .certificateRequired)
    }

    @Test func anEndedCertificateDoesNotRenewByItself() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        stage.advance(by: 86401)
        #expect(try await stage.askToRenew(machine, key: MachineKey()).problem == .certificateExpired)
    }

    @Test func anotherMachineIsNotedAndNotRefused() async throws {
        let stage = try await Stage()
        let first = try await stage.register(of: stage.acme)
        let (here, there) = (String(repeating: "a", count: 64), String(repeating: "b", count: 64))
        let (key, next) = (MachineKey(), MachineKey())
        let second = try first.renewed(
            key: key, try await stage.askToRenew(first, key: key, machineHash: here).message())
        #expect(try await stage.askToRenew(first, key: key, machineHash: here).status == 200)
        #expect(try await stage.connector(first).machineChangedAt == nil)
        stage.advance(by: 60)
        #expect(try await stage.askToRenew(second, key: next, machineHash: there).status == 200)
        #expect(try await stage.connector(first).machineChangedAt == stage.now)
        #expect(try await stage.connector(first).state == .active)
    }

    @Test func aQueueCredentialOfTheOldKeyEndsWithTheFirstUseOfTheNew() async throws {
        let stage = try await Stage()
        let first = try await stage.register(of: stage.acme)
        let boot = String(repeating: "a", count: 26)
        let nonce: [UInt8] = Array(1...32)
        func code(_ machine: Machine, _ token: String) async throws -> EnrollmentServiceError.Code? {
            let proof = try machine.key.signing.signature(for: LinkProof.bytes(nonce: nonce, token: token))
            do {
                _ = try await stage.service.verify(token: token, proof: Array(proof.rawRepresentation), nonce: nonce)
                return nil
            } catch { return error.code }
        }
        let old = try await stage.queueCredentials(first, boot: boot)
        let second = try await stage.renew(first)
        #expect(try await code(first, old.token) == nil)
        #expect(try await code(second, old.token) == .invalidCredential)
        let new = try await stage.queueCredentials(second, boot: boot)
        #expect(new.bootNumber == old.bootNumber)
        #expect(try await code(second, new.token) == nil)
        #expect(try await code(first, old.token) == .invalidCredential)
        #expect(try await code(first, new.token) == .invalidCredential)
    }

    private static func request(_ key: MachineKey) throws -> String {
        try CertificateRequest.make(key: key, challenge: "").pem
    }
}
