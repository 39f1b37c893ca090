import CertificateAuthority
import EnrollmentClient
import EnrollmentProtocol
import Foundation
import MachineIdentity
import Testing

/// A root, an intermediate and a server certificate, made for one test.
struct TestInstallation {
    let root: [UInt8]
    let authority: IssuingAuthority
    let serverKey = MachineKey()
    let server: [UInt8]

    init(trustDomain: String = "example.org", hosts: [String] = ["localhost", "127.0.0.1"]) throws {
        let now = Date()
        let rootKey = AuthorityKey.makeP384()
        let key = AuthorityKey.makeP256()
        root = try IssuingAuthority.makeRoot(
            trustDomain: trustDomain, key: rootKey, now: now, serial: .random()
        ).der
        let intermediate = try IssuingAuthority.makeIntermediate(
            trustDomain: trustDomain, key: key, rootCertificate: root, rootKey: rootKey, now: now, serial: .random())
        authority = try IssuingAuthority(
            trustDomain: trustDomain, rootCertificate: root, intermediateCertificate: intermediate.der,
            intermediateKey: key)
        server = try authority.issueServerCertificate(
            publicKey: serverKey.publicKey, hosts: hosts.map { try ServerHost($0) }, now: now, serial: .random()
        ).der
    }

    var chain: [[UInt8]] { [server, authority.intermediateCertificate] }
    var rootPin: Pin { get throws { try pin(root) } }
    var issuerPin: Pin { get throws { try pin(authority.intermediateCertificate) } }
    var expectation: ServerExamination.Expectation {
        get throws { .init(serverIssuer: try issuerPin, authority: try rootPin) }
    }

    /// What `GET /v1/ca` answers.
    var authorityAnswer: [UInt8] {
        get throws {
            Array(
                try EnrollmentJSON.encode(
                    AuthorityAnswer(
                        trustDomain: authority.trustDomain,
                        certificates: [CertificatePEM.encode([root]), CertificatePEM.encode(Array(chain[1...]))],
                        pins: .init(serverIssuer: issuerPin, authority: rootPin))))
        }
    }

    private func pin(_ certificate: [UInt8]) throws -> Pin {
        try #require(Pin(bytes: KeyFingerprint(ofKeyInCertificate: certificate).bytes))
    }
}
