import CertificateAuthority
import Crypto
import Foundation
import MachineIdentity
import SwiftASN1
import TestTools
import Testing
import X509

@Suite struct CertificateAuthorityTests {
    let key = MachineKey()

    @Test func aMachineCertificateHasTheShapeThatTheProfileSays() throws {
        let installation = try Installation()
        let issued = try installation.issue(key)
        let certificate = try Certificate(derEncoded: issued.der)
        #expect(certificate.version == .v3)
        #expect(certificate.signatureAlgorithm == .ecdsaWithSHA256)
        #expect(certificate.subject.description == "CN=aaaabbbbccccdddd")
        #expect(certificate.extensions.count == 6)
        #expect(
            try certificate.extensions.authorityKeyIdentifier?.keyIdentifier
                == Certificate(derEncoded: installation.intermediate.der).extensions.subjectKeyIdentifier?.keyIdentifier
        )
        #expect(issued.notAfter.timeIntervalSince(issued.notBefore) == 86_400 + 300)
        #expect(certificate.notValidAfter == issued.notAfter && certificate.notValidBefore == issued.notBefore)
        #expect(certificate.serialNumber.bytes.count == 20)
    }

    @Test func ourPolicyReadsBackWhatWasIssued() throws {
        let installation = try Installation()
        let issued = try installation.issue(key)
        let leaf = try installation.authority.leafPolicy().judge(issued.der, at: installation.now)
        #expect(try leaf.name == installation.name())
        #expect(leaf.serial == issued.serial.description)
        #expect(leaf.notAfter == issued.notAfter)
        #expect(leaf.keyFingerprint == key.fingerprint)
        #expect(leaf.fingerprint == issued.fingerprint)
        #expect(leaf.verificationKey()?.rawRepresentation == key.publicKey.rawRepresentation)
    }

    @Test func aRequestCannotChangeAnythingButTheKey() async throws {
        let openssl = try OpenSSL()
        defer { openssl.remove() }
        try openssl.write(
            "[r]\ndistinguished_name=n\nreq_extensions=e\nprompt=no\n[n]\nCN=root\n[e]\nbasicConstraints=critical,CA:TRUE\n"
                + "subjectAltName=URI:spiffe://example.org/t/other/sa/b/c/d\nextendedKeyUsage=serverAuth\n", to: "c")
        try openssl.write(key.pem().reveal(), to: "key")
        try await openssl.run("req", "-new", "-key", "key", "-out", "csr", "-config", "c", "-section", "r")
        let greedy = try CertificateRequest(verifyingPEM: openssl.read("csr"))
        let installation = try Installation()
        let issued = try installation.authority.issueMachineCertificate(
            publicKey: greedy.publicKey, name: installation.name(), now: installation.now, serial: .random())
        let leaf = try installation.authority.leafPolicy().judge(issued.der, at: installation.now)
        #expect(leaf.name.tenant == "acme")
    }

    @Test func opensslVerifiesTheChainForClientsAndNothingElse() async throws {
        for rootKey in [AuthorityKey.makeP256(), .makeP384()] {
            let installation = try Installation(rootKey: rootKey)
            let openssl = try OpenSSL()
            defer { openssl.remove() }
            try openssl.write(installation.root.pem, to: "root")
            try openssl.write(installation.intermediate.pem, to: "intermediate")
            try openssl.write(try installation.issue(key).pem, to: "leaf")
            func verify(_ purpose: String) async throws -> String {
                try await openssl.run(
                    "verify", "-x509_strict", "-purpose", purpose, "-CAfile", "root", "-untrusted", "intermediate",
                    "leaf")
            }
            #expect(try await verify("sslclient") == "leaf: OK\n")
            await #expect(throws: OpenSSL.Failed.self) { try await verify("sslserver") }
            await #expect(throws: OpenSSL.Failed.self) { try await verify("smimesign") }
        }
    }

    @Test func aServerCertificateIsGoodForItsHostsAndAddresses() async throws {
        let installation = try Installation()
        let hosts = try ["acme.example.org", "*.tenants.example.org", "127.0.0.1", "[::1]"].map { try ServerHost($0) }
        let issued = try installation.authority.issueServerCertificate(
            publicKey: key.publicKey, hosts: hosts, now: installation.now, serial: .random())
        let openssl = try OpenSSL()
        defer { openssl.remove() }
        try openssl.write(installation.root.pem, to: "root")
        try openssl.write(installation.intermediate.pem, to: "intermediate")
        try openssl.write(issued.pem, to: "leaf")
        let common = [
            "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "root", "-untrusted", "intermediate",
        ]
        for check in [
            ["-verify_hostname", "acme.example.org"], ["-verify_hostname", "a.tenants.example.org"],
            ["-verify_ip", "127.0.0.1"], ["-verify_ip", "::1"],
        ] {
            #expect(try await openssl.run(common + check + ["leaf"]) == "leaf: OK\n")
        }
        await #expect(throws: OpenSSL.Failed.self) {
            try await openssl.run(common + ["-verify_hostname", "other.example.org", "leaf"])
        }
        #expect(throws: MachineIdentityError(.notMachineCertificate, "")) {
            try installation.authority.leafPolicy().judge(issued.der, at: installation.now)
        }
    }

    @Test(arguments: ["", "a b", "-a.example", "300.1.1.1", "a..b", "*", "a.*.b", "ex\u{e4}mple.org", "1.2.3"])
    func whatIsNoHostIsRefused(text: String) {
        #expect(throws: CertificateAuthorityError.self) { try ServerHost(text) }
    }

    @Test func aLeafNeverOutlivesItsIssuerAndNeverExceedsTheProfile() throws {
        let installation = try Installation()
        let late = installation.intermediate.notAfter.addingTimeInterval(-3600)
        let issued = try installation.authority.issueMachineCertificate(
            publicKey: key.publicKey, name: installation.name(), now: late, serial: .random())
        #expect(issued.notAfter == installation.intermediate.notAfter)
        let greedy = try installation.authority.issueMachineCertificate(
            publicKey: key.publicKey, name: installation.name(), lifetime: 365 * 86_400, now: installation.now,
            serial: .random())
        #expect(greedy.notAfter.timeIntervalSince(greedy.notBefore) == 7 * 86_400 + 300)
        #expect(throws: CertificateAuthorityError.self) {
            try installation.authority.issueMachineCertificate(
                publicKey: key.publicKey, name: installation.name(), now: installation.intermediate.notAfter,
                serial: .random())
        }
    }

    @Test func partsThatDoNotBelongTogetherAreRefused() throws {
        let one = try Installation()
        let other = try Installation()
        for (root, intermediate, key) in [
            (other.root, one.intermediate, one.intermediateKey), (one.root, other.intermediate, other.intermediateKey),
            (one.root, one.intermediate, other.intermediateKey),
            (one.intermediate, one.intermediate, one.intermediateKey),
        ] {
            #expect(throws: CertificateAuthorityError.self) {
                try IssuingAuthority(
                    trustDomain: "example.org", rootCertificate: root.der, intermediateCertificate: intermediate.der,
                    intermediateKey: key)
            }
        }
        let stranger = try MachineName(trustDomain: "example.com", tenant: "a", account: "b", connector: "c")
        #expect(throws: CertificateAuthorityError.self) {
            try one.authority.issueMachineCertificate(
                publicKey: self.key.publicKey, name: stranger, now: one.now, serial: .random())
        }
    }

    @Test func keysSurviveTheirPEMAndPrintAsStars() throws {
        for key in [AuthorityKey.makeP256(), .makeP384()] {
            #expect(try AuthorityKey(pem: key.pem()).pem() == key.pem())
            #expect("\(key)\(String(reflecting: key))" == "******")
        }
        #expect(throws: CertificateAuthorityError.self) { try AuthorityKey(pem: "garbage") }
    }

    @Test func serialNumbersAreTwentyBytesPositiveAndDifferent() {
        let serials = (0..<1000).map { _ in SerialNumber.random() }
        #expect(serials.allSatisfy { $0.bytes.count == 20 && (0x40...0x7f).contains($0.bytes[0]) })
        #expect(Set(serials).count == 1000)
    }
}
