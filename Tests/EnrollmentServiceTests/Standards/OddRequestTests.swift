import CertificateAuthority
import EnrollmentProtocol
import Foundation
import HTTPTypes
import MachineIdentity
import SwiftASN1
import TestTools
import Testing
import X509

@testable import EnrollmentService

/// Certificate requests that others collected because programs stumbled over them.
@Suite(
    .enabled(
        if: PythonPackages.data("cryptography_vectors/x509/requests") != nil,
        "\(PythonPackages.note): cryptography-vectors"))
struct OddRequestTests {
    /// The requests by the names of their files, in DER.
    private static func requests() throws -> [(name: String, der: [UInt8])] {
        let folder = try #require(PythonPackages.data("cryptography_vectors/x509/requests"))
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().compactMap { name in
            let content = try Data(contentsOf: folder.appending(path: name))
            guard name.hasSuffix(".pem") else { return name.hasSuffix(".der") ? (name, Array(content)) : nil }
            let lines = String(decoding: content, as: UTF8.self).split(whereSeparator: \.isNewline)
            // Some have the text of openssl before what counts.
            let body = lines.drop { !$0.hasPrefix("-----BEGIN") }.dropFirst().prefix { !$0.hasPrefix("-----") }.joined()
            return (name, Array(try #require(Data(base64Encoded: body), "\(name)")))
        }
    }

    @Test func eachIsRefusedWithAReasonOrGetsTheProfileAndNothingElse() async throws {
        let stage = try await Stage()
        let requests = try Self.requests()
        #expect(requests.count >= 25)
        var refused = 0
        for (name, der) in requests {
            let secret = try #require(try await stage.invite(uses: 2, of: stage.acme).secret)
            let pem = PEMDocument(type: "CERTIFICATE REQUEST", derBytes: der).pemString
            let base64 = Data(der).base64EncodedString()
            for (path, body, type) in [
                (
                    APIPath.enrollments,
                    String(decoding: try EnrollmentJSON.encode(EnrollRequest(csr: pem)), as: UTF8.self),
                    "application/json"
                ), (APIPath.estEnroll, base64, "application/pkcs10"),
            ] {
                let answer = try await stage.call(.post, path, bearer: secret, body: body, type: type)
                guard answer.status < 300 else {
                    refused += 1
                    #expect([400, 422].contains(answer.status), "\(name) \(path) \(answer.text)")
                    #expect(answer.problem != nil, "\(name) \(path) \(answer.text)")
                    continue
                }
                // None gets more than everybody gets.
                let connectors = try await stage.call(.get, APIPath.connectors, bearer: stage.acme.administrator)
                let newest = try #require(try connectors.message(Page<ConnectorAnswer>.self).items.last)
                let live = try stage.installation.registry.liveCertificates(at: stage.now)
                for certificate in live {
                    _ = try stage.installation.authority.leafPolicy().judge(certificate, at: stage.now)
                }
                #expect(newest.role == .connector, "\(name)")
            }
        }
        // All keys among them are RSA, DSA or on another curve.
        #expect(refused == 2 * requests.count)
        #expect(try stage.installation.registry.liveCertificates(at: stage.now).isEmpty)
    }
}
