import CertificateAuthority
import EnrollmentProtocol
import Foundation
import HTTPTypes
import MachineIdentity
import SwiftASN1
import Testing
import X509

@testable import EnrollmentService

/// EST without a network: what a client may send, and what it gets.
@Suite struct ESTTests {
    private static let type = "application/pkcs10"

    private func request(_ key: MachineKey = MachineKey(), challenge: String = "") throws -> String {
        Data(try CertificateRequest.make(key: key, challenge: challenge).der).base64EncodedString()
    }

    private func basic(_ user: String, _ secret: String) -> HTTPFields {
        [.authorization: "Basic \(Data("\(user):\(secret)".utf8).base64EncodedString())"]
    }

    /// The one certificate of an answer.
    private func certificate(_ answer: Answer) throws -> Certificate {
        try #require(answer.status == 200, "\(answer.text)")
        #expect(answer.headers[.contentType] == "application/pkcs7-mime; smime-type=certs-only")
        #expect(answer.headers[try #require(HTTPField.Name("Content-Transfer-Encoding"))] == "base64")
        #expect(!answer.text.contains("\n"))
        let bytes = Array(try #require(Data(base64Encoded: answer.text)))
        // The certificate is what begins with its own length within the message, before the empty set of signers.
        let start = try #require(
            bytes.indices.first { index in (try? Certificate(derEncoded: bytes[index..<(bytes.count - 2)])) != nil })
        return try Certificate(derEncoded: bytes[start..<(bytes.count - 2)])
    }

    @Test(arguments: ["gw", "acme/gw"]) func theAccountAndTheSecretGetACertificate(user: String) async throws {
        let stage = try await Stage()
        let secret = try #require(try await stage.invite(of: stage.acme).secret)
        let key = MachineKey()
        let answer = try await stage.call(
            .post, APIPath.estEnroll, body: try request(key), type: Self.type, headers: basic(user, secret))
        let issued = try certificate(answer)
        let leaf = try stage.installation.authority.leafPolicy().judge(
            Array(try issued.serializeAsPEM().derBytes), at: stage.now)
        #expect(leaf.keyFingerprint == key.fingerprint)
        #expect(leaf.name.uri.hasPrefix("spiffe://postern.test/t/acme/sa/gw/c/"))
        let own = try await stage.call(
            .get, APIPath.ownState, certificate: Array(try issued.serializeAsPEM().derBytes))
        #expect(own.status == 200)
    }

    @Test func whatIsWrappedOrInDERItselfIsReadAsWell() async throws {
        let stage = try await Stage()
        let secret = try #require(try await stage.invite(uses: 2, of: stage.acme).secret)
        let wrapped = Data(base64Encoded: try request())?.base64EncodedString(
            options: [.lineLength64Characters, .endLineWithCarriageReturn, .endLineWithLineFeed])
        let answer = try await stage.call(
            .post, APIPath.estEnroll, bearer: secret, body: try #require(wrapped) + "\r\n", type: Self.type)
        _ = try certificate(answer)
    }

    @Test func theSameKeyGetsTheSameCertificateAgain() async throws {
        let stage = try await Stage()
        let secret = try #require(try await stage.invite(of: stage.acme).secret)
        let body = try request()
        var answers: Set<Data> = []
        for _ in 0..<3 {
            let answer = try await stage.call(
                .post, APIPath.estEnroll, bearer: secret, body: body, type: Self.type)
            _ = try certificate(answer)
            answers.insert(answer.body)
        }
        #expect(answers.count == 1)
        let other = try await stage.call(
            .post, APIPath.estEnroll, bearer: secret, body: try request(), type: Self.type)
        #expect(other.problem == .enrollmentConsumed)
    }

    @Test func whoIsNotInvitedIsAskedForBasicAuthentication() async throws {
        let stage = try await Stage()
        let secret = try #require(try await stage.invite(of: stage.acme).secret)
        let foreign = try #require(try await stage.invite("theirs", of: stage.other).secret)
        let body = try request()
        for headers in [
            [:], basic("gw", ""), basic("gw", "wrong"), basic("", secret), basic("other-account", secret),
            basic("other/gw", secret), basic("gw", foreign), [.authorization: "Basic !"],
            [.authorization: "Basic \(Data([0xff, 0x3a, 0xfe]).base64EncodedString())"],
        ] as [HTTPFields] {
            let answer = try await stage.call(
                .post, APIPath.estEnroll, body: body, type: Self.type, headers: headers)
            #expect(answer.problem == .invalidCredentials, "\(answer.text)")
            #expect(answer.headers[.wwwAuthenticate]?.hasPrefix("Basic realm=") == true)
        }
        let admin = try await stage.call(
            .post, APIPath.estEnroll, body: body, type: Self.type, headers: basic("admin", stage.acme.administrator))
        #expect(admin.problem == .notPermitted)
    }

    @Test func brokenRequestsAreRefusedAndUseNothingUp() async throws {
        let stage = try await Stage()
        let secret = try #require(try await stage.invite(of: stage.acme).secret)
        let good = try request()
        for (body, type, problem) in [
            ("", Self.type, EnrollmentProblem.invalidCSR), ("?", Self.type, .invalidCSR),
            ("QUJD", Self.type, .invalidCSR),
            (good, "text/plain", .unsupportedMediaType), (String(good.dropLast(8)), Self.type, .invalidCSR),
            (good, "application/octet-stream", .invalidCSR),
        ] {
            let answer = try await stage.call(.post, APIPath.estEnroll, bearer: secret, body: body, type: type)
            #expect(answer.problem == problem, "\(answer.text)")
        }
        _ = try certificate(
            try await stage.call(.post, APIPath.estEnroll, bearer: secret, body: good, type: "Application/PKCS10; a=b"))
    }

    @Test func thePresentCertificateGetsTheNextOneForANewKey() async throws {
        let stage = try await Stage()
        let machine = try await stage.register(of: stage.acme)
        func reenroll(_ key: MachineKey, showing certificate: [UInt8]?) async throws -> Answer {
            try await stage.call(
                .post, APIPath.estReenroll, certificate: certificate, body: try request(key), type: Self.type)
        }
        #expect(try await reenroll(machine.key, showing: machine.certificate).problem == .keyReuse)
        #expect(try await reenroll(MachineKey(), showing: nil).problem == .certificateRequired)
        let key = MachineKey()
        let first = try await reenroll(key, showing: machine.certificate)
        let next = Array(try certificate(first).serializeAsPEM().derBytes)
        let again = try await reenroll(key, showing: machine.certificate)
        #expect(again.body == first.body, "a lost answer is repeated")
        let before = try stage.installation.authority.leafPolicy().judge(machine.certificate, at: stage.now)
        let after = try stage.installation.authority.leafPolicy().judge(next, at: stage.now)
        #expect(after.name == before.name)
        #expect(after.keyFingerprint == key.fingerprint)
        let own = try await stage.call(.get, APIPath.ownState, certificate: next).message(SelfAnswer.self)
        #expect(own.generation == 2)
        // The one before is superseded by now: with another key it looks like a copy.
        #expect(try await reenroll(MachineKey(), showing: machine.certificate).problem == .cloneSuspected)
    }

    @Test func theAuthoritiesAndTheAttributesAreForEverybody() async throws {
        let stage = try await Stage()
        let authorities = try await stage.call(.get, APIPath.estAuthorities)
        #expect(authorities.status == 200)
        #expect(authorities.headers[.contentType] == "application/pkcs7-mime")
        let bytes = Array(try #require(Data(base64Encoded: authorities.text)))
        for certificate in [
            stage.installation.authority.rootCertificate, stage.installation.authority.intermediateCertificate,
        ] { #expect(bytes.firstRange(of: certificate) != nil) }
        let attributes = try await stage.call(.get, APIPath.estAttributes)
        #expect(attributes.headers[.contentType] == "application/csrattrs")
        #expect(Data(base64Encoded: attributes.text) != nil)
    }

    @Test func keysAreNotMadeHere() async throws {
        let stage = try await Stage()
        #expect(stage.service.routes().routes.allSatisfy { !$0.path.contains("serverkeygen") })
    }
}
