import CertificateAuthority
import Crypto
import EnrollmentProtocol
import Foundation
import HTTPTypes
import MachineIdentity
import SwiftASN1
import Testing
import X509

@testable import EnrollmentService

@Suite struct EnrollingTests {
    @Test func anInvitationRegistersAConnectorWithANameOfTheTenantsChoice() async throws {
        let stage = try await Stage()
        let machine = try await stage.register("gw-site", of: stage.acme)
        let leaf = try stage.installation.authority.leafPolicy().judge(machine.certificate, at: stage.now)
        #expect(leaf.name.uri == "spiffe://postern.test/t/acme/sa/gw-site/c/\(machine.id)")
        #expect(leaf.keyFingerprint == machine.key.fingerprint)
        #expect(machine.answer.tenant == stage.acme.tenant.reference)
        #expect(machine.answer.notAfter == stage.now.addingTimeInterval(86400))
        #expect(machine.answer.renewAt > stage.now.addingTimeInterval(86400 / 2))
        #expect(machine.answer.renewAt < machine.answer.notAfter)
        #expect(machine.answer.chain.count == 2)
        let pin = try P256.Signing.PublicKey(pemRepresentation: machine.answer.keyAuthority.publicKey)
        #expect(machine.answer.keyAuthority.pin == Pin(publicKeyDER: pin.derRepresentation))
    }

    @Test func anInvitationNamesTheTenantAndItsPins() async throws {
        let stage = try await Stage()
        let answer = try await stage.invite(of: stage.acme)
        let invitation = try Invitation(try #require(answer.invitation))
        let authority = try await stage.call(.get, APIPath.authority).message(AuthorityAnswer.self)
        #expect(invitation.url == "https://localhost:8443")
        #expect(invitation.account == "gw")
        #expect(invitation.secret.text == answer.secret)
        #expect(invitation.authority == authority.pins.authority)
        #expect(invitation.serverIssuer == authority.pins.serverIssuer)
        let listed = try await stage.call(.get, "/v1/enrollments/\(answer.id)", bearer: stage.acme.administrator)
        #expect(try listed.message(EnrollmentAnswer.self).secret == nil)
        #expect(!listed.text.contains("postern1_"))
    }

    @Test func ofFiftyThatComeWithOneSecretExactlyOneIsRegistered() async throws {
        let stage = try await Stage()
        let secret = try #require(try await stage.invite(of: stage.acme).secret)
        let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
            for _ in 0..<50 { group.addTask { try await stage.enroll(secret) } }
            var answers: [Answer] = []
            for try await answer in group { answers.append(answer) }
            return answers
        }
        #expect(answers.count { $0.status == 201 } == 1)
        #expect(answers.count { $0.problem == .enrollmentConsumed } == 49)
        let connectors = try await stage.call(.get, APIPath.connectors, bearer: stage.acme.administrator)
        #expect(try connectors.message(Page<ConnectorAnswer>.self).items.count == 1)
    }

    @Test func aFleetInvitationRegistersAsManyAsItSays() async throws {
        let stage = try await Stage()
        let secret = try #require(try await stage.invite(uses: 3, of: stage.acme).secret)
        for _ in 0..<3 { #expect(try await stage.enroll(secret).status == 201) }
        #expect(try await stage.enroll(secret).problem == .enrollmentConsumed)
    }

    @Test func theSameKeyGetsTheSameCertificateHoweverOftenItAsks() async throws {
        let stage = try await Stage()
        let secret = try #require(try await stage.invite(of: stage.acme).secret)
        let key = MachineKey()
        let request = try CertificateRequest.make(key: key, challenge: try await stage.nonce(secret))
        let idempotent: HTTPFields = [try #require(HTTPField.Name("Idempotency-Key")): "one"]
        let body = EnrollRequest(csr: request.pem)
        let first = try await stage.call(
            .post, APIPath.enrollments, bearer: secret, message: body, headers: idempotent)
        #expect(first.status == 201)
        // The very same request again, and one with a new nonce; both after the invitation's end as well.
        for _ in 0..<2 {
            let again = try await stage.call(
                .post, APIPath.enrollments, bearer: secret, message: body, headers: idempotent)
            #expect(again.status == 201)
            #expect(again.body == first.body)
            stage.advance(by: 3601)
        }
        let other = try CertificateRequest.make(key: MachineKey(), challenge: "x")
        let reused = try await stage.call(
            .post, APIPath.enrollments, bearer: secret, message: EnrollRequest(csr: other.pem), headers: idempotent)
        #expect(reused.problem == .alreadyExists)
    }

    @Test func thirtyOfTheSameKeyAtOnceGetOneIdentity() async throws {
        let stage = try await Stage()
        let secret = try #require(try await stage.invite(uses: 5, of: stage.acme).secret)
        let key = MachineKey()
        let bodies = try await withThrowingTaskGroup(of: Answer.self) { group in
            for _ in 0..<30 { group.addTask { try await stage.enroll(secret, key: key) } }
            var bodies: Set<Data> = []
            for try await answer in group { bodies.insert(answer.status == 201 ? answer.body : Data()) }
            return bodies
        }
        #expect(bodies.count == 1)
    }

    @Test func anExpiredInvitationIsGone() async throws {
        let stage = try await Stage()
        let secret = try #require(try await stage.invite(expiresIn: 60, of: stage.acme).secret)
        let nonce = try await stage.nonce(secret)
        stage.advance(by: 60)
        let request = try CertificateRequest.make(key: MachineKey(), challenge: nonce)
        let answer = try await stage.call(
            .post, APIPath.enrollments, bearer: secret, message: EnrollRequest(csr: request.pem))
        #expect(answer.problem == .enrollmentExpired)
        #expect(try await stage.call(.post, APIPath.nonces, bearer: secret).problem == .enrollmentExpired)
    }

    @Test func aWithdrawnInvitationIsGone() async throws {
        let stage = try await Stage()
        let invitation = try await stage.invite(of: stage.acme)
        let path = "/v1/enrollments/\(invitation.id)"
        #expect(try await stage.call(.delete, path, bearer: stage.acme.administrator).status == 204)
        let secret = try #require(invitation.secret)
        #expect(try await stage.call(.post, APIPath.nonces, bearer: secret).problem == .enrollmentExpired)
        let state = try await stage.call(.get, path, bearer: secret).message(EnrollmentAnswer.self).state
        #expect(state == .revoked)
    }

    @Test func anUnknownSecretAndAMistypedOneLookTheSame() async throws {
        let stage = try await Stage()
        var generator = SystemRandomNumberGenerator()
        let unknown = SecretToken.random(.enrollment, using: &generator).text
        let answers = [
            try await stage.call(.post, APIPath.nonces, bearer: unknown),
            try await stage.call(.post, APIPath.nonces, bearer: unknown.dropLast() + "a"),
            try await stage.call(.post, APIPath.nonces, bearer: "x"), try await stage.call(.post, APIPath.nonces),
        ]
        for answer in answers {
            #expect(answer.problem == .invalidCredentials)
            #expect(answer.headers[.wwwAuthenticate] != nil)
        }
    }

    @Test func aPersonOrAProgramCannotRegister() async throws {
        let stage = try await Stage()
        let admin = stage.acme.administrator
        let key = try await stage.call(
            .post, APIPath.apiKeys, bearer: admin, message: APIKeyRequest(name: "k", scopes: [.admin, .call])
        ).message(APIKeyAnswer.self, status: 201).key
        for bearer in [admin, try #require(key)] {
            for path in [APIPath.nonces, APIPath.enrollments] {
                #expect(try await stage.call(.post, path, bearer: bearer, body: "{}").problem == .notPermitted)
            }
        }
    }

    @Test func whatARequestAsksForBesidesItsKeyChangesNothing() async throws {
        let stage = try await Stage()
        let secret = try #require(try await stage.invite(of: stage.acme).secret)
        let key = P256.Signing.PrivateKey()
        let wanted = try Certificate.Extensions {
            Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
            Critical(KeyUsage(keyCertSign: true))
            SubjectAlternativeNames([
                .dnsName("evil.example"), .uniformResourceIdentifier("spiffe://postern.test/t/other/sa/x/c/y"),
            ])
        }
        let challenge = CertificateSigningRequest.Attribute(
            oid: [1, 2, 840, 113_549, 1, 9, 7],
            values: [try ASN1Any(erasing: ASN1UTF8String(try await stage.nonce(secret)))])
        let request = try CertificateSigningRequest(
            version: .v1, subject: DistinguishedName { CommonName("admin") }, privateKey: .init(key),
            attributes: .init([challenge, try .init(ExtensionRequest(extensions: wanted))]))
        let answer = try await stage.call(
            .post, APIPath.enrollments, bearer: secret,
            message: EnrollRequest(csr: try request.serializeAsPEM().pemString)
        ).message(EnrollAnswer.self, status: 201)
        let certificate = try Certificate(pemEncoded: answer.certificate)
        #expect(try certificate.extensions.basicConstraints == .notCertificateAuthority)
        #expect(try certificate.extensions.keyUsage == KeyUsage(digitalSignature: true))
        #expect(certificate.subject.description == "CN=\(answer.connectorID)")
        let names = try #require(try certificate.extensions.subjectAlternativeNames)
        #expect(
            Array(names) == [
                .uniformResourceIdentifier("spiffe://postern.test/t/acme/sa/gw/c/\(answer.connectorID)")
            ])
    }

    @Test func aNonceIsGoodForOneRequestOfItsOwnInvitationForTenMinutes() async throws {
        let stage = try await Stage()
        let secret = try #require(try await stage.invite(uses: 9, of: stage.acme).secret)
        let foreign = try #require(try await stage.invite(of: stage.other).secret)
        func enroll(_ nonce: String) async throws -> Answer {
            let request = try CertificateRequest.make(key: MachineKey(), challenge: nonce)
            return try await stage.call(
                .post, APIPath.enrollments, bearer: secret, message: EnrollRequest(csr: request.pem))
        }
        let nonce = try await stage.nonce(secret)
        #expect(try await enroll(nonce).status == 201)
        #expect(try await enroll(nonce).problem == .nonceExpired)
        #expect(try await enroll("made-up").problem == .nonceExpired)
        #expect(try await enroll(try await stage.nonce(foreign)).problem == .nonceExpired)
        let late = try await stage.nonce(secret)
        stage.advance(by: 600)
        #expect(try await enroll(late).problem == .nonceExpired)
    }

    @Test func brokenCertificateRequestsAreRefusedAndUseNothingUp() async throws {
        let stage = try await Stage()
        let secret = try #require(try await stage.invite(of: stage.acme).secret)
        let good = try CertificateRequest.make(key: MachineKey(), challenge: try await stage.nonce(secret))
        var forged = good.der
        forged[forged.count - 1] ^= 1
        let forgedPEM = PEMDocument(type: "CERTIFICATE REQUEST", derBytes: forged).pemString
        for (csr, problem) in [
            ("", EnrollmentProblem.invalidCSR), ("no PEM", .invalidCSR), (String(good.pem.dropLast(60)), .invalidCSR),
            (forgedPEM, .proofOfPossessionFailed),
        ] {
            let answer = try await stage.call(
                .post, APIPath.enrollments, bearer: secret, message: EnrollRequest(csr: csr))
            #expect(answer.problem == problem, "\(answer.text)")
        }
        #expect(try await stage.enroll(secret).status == 201)
    }

    @Test func aKeyOfAnotherConnectorIsRefused() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        for access in [stage.acme, stage.other] {
            let secret = try #require(try await stage.invite("second", of: access).secret)
            #expect(try await stage.enroll(secret, key: machine.key).problem == .keyReuse)
        }
    }

    @Test func aRevokedKeyDoesNotComeBack() async throws {
        let stage = try await Stage()
        let secret = try #require(try await stage.invite(of: stage.acme).secret)
        let key = MachineKey()
        let id = try await stage.enroll(secret, key: key).message(EnrollAnswer.self, status: 201).connectorID
        let revoked = try await stage.call(
            .post, "/v1/connectors/\(id)/revoke", bearer: stage.acme.administrator)
        #expect(revoked.status == 204)
        #expect(try await stage.enroll(secret, key: key).problem == .certificateRevoked)
        let fresh = try #require(try await stage.invite(of: stage.acme).secret)
        #expect(try await stage.enroll(fresh, key: key).problem == .keyReuse)
    }
}
