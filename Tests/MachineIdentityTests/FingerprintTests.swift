import MachineIdentity
import TestTools
import Testing

@Suite struct FingerprintTests {
    let fingerprint = KeyFingerprint(subjectPublicKeyInfo: Array("abc".utf8))

    @Test func theTextIsTheSHA256InHexadecimal() {
        #expect(fingerprint.hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test func commonSpellingsAreRead() throws {
        let colons = stride(from: 0, to: 64, by: 2).map { fingerprint.hex.dropFirst($0).prefix(2).uppercased() }
        for text in [fingerprint.hex, fingerprint.description, colons.joined(separator: ":")] {
            #expect(try KeyFingerprint(text) == fingerprint)
        }
    }

    @Test(arguments: ["", "ba78", "+a", String(repeating: "zz", count: 32), String(repeating: "+1", count: 32)])
    func otherTextsAreRefused(text: String) {
        #expect(throws: MachineIdentityError(.invalidFingerprint, "")) { try KeyFingerprint(text) }
    }

    @Test func wordsArePronounceableProquints() {
        let localhost: [UInt8] = [127, 0, 0, 1] + Array(repeating: 0, count: 28)
        #expect(KeyFingerprint(bytes: localhost)?.words == "lusab-babad-babab-babab-babab")
    }

    @Test func theKeyInsideAForeignCertificateHasTheFingerprintThatOpenSSLComputes() async throws {
        let openssl = try OpenSSL()
        defer { openssl.remove() }
        for kind in [["rsa:2048"], ["ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"], ["ed25519"]] {
            try await openssl.run(
                ["req", "-x509", "-newkey"] + kind + ["-nodes", "-keyout", "key", "-out", "pem", "-subj", "/CN=x"])
            try await openssl.run("pkey", "-in", "key", "-pubout", "-outform", "DER", "-out", "spki")
            let digest = try await openssl.run("dgst", "-sha256", "-r", "spki")
            let certificate = try CertificatePEM.decode(openssl.read("pem"))[0]
            #expect(try KeyFingerprint(ofKeyInCertificate: certificate).hex == String(digest.prefix(64)))
        }
        #expect(throws: MachineIdentityError(.invalidCertificate, "")) {
            try KeyFingerprint(ofKeyInCertificate: [0x30, 0])
        }
    }
}
