import CertificateAuthority
import Foundation
import MachineIdentity
import TestTools
import Testing

@Suite struct CertificateBundleTests {
    @Test func opensslReadsTheCertificatesBack() async throws {
        let installation = try Installation()
        let openssl = try OpenSSL()
        defer { openssl.remove() }
        let bundle = try CertificateBundle([installation.root.der, installation.intermediate.der])
        try Data(bundle.der).write(to: openssl.folder.appending(path: "bundle"))
        let text = try await openssl.run("pkcs7", "-inform", "DER", "-in", "bundle", "-print_certs")
        let read = try CertificatePEM.decode(
            text.split(separator: "\n").drop { !$0.hasPrefix("-----") }.filter {
                !$0.hasPrefix("subject=") && !$0.hasPrefix("issuer=")
            }.joined(separator: "\n") + "\n")
        #expect(Set(read) == [installation.root.der, installation.intermediate.der])
    }

    @Test func theOrderInWhichTheyAreGivenDoesNotMatter() throws {
        let installation = try Installation()
        let (root, intermediate) = (installation.root.der, installation.intermediate.der)
        #expect(try CertificateBundle([root, intermediate]).der == CertificateBundle([intermediate, root]).der)
    }

    @Test func whatIsNoDERIsRefused() {
        #expect(throws: CertificateAuthorityError.self) { try CertificateBundle([[1, 2, 3]]) }
    }

    @Test func theAttributesNameTheCurveAndTheSignature() async throws {
        let openssl = try OpenSSL()
        defer { openssl.remove() }
        try Data(try RequestAttributes.der()).write(to: openssl.folder.appending(path: "attributes"))
        let text = try await openssl.run("asn1parse", "-inform", "DER", "-in", "attributes")
        for name in ["id-ecPublicKey", "prime256v1", "ecdsa-with-SHA256"] { #expect(text.contains(name)) }
    }
}
