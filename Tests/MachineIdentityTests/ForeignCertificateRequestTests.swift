import MachineIdentity
import TestTools
import Testing

/// Requests made by openssl, as an administrator with a script or an attacker would.
@Suite struct ForeignCertificateRequestTests {
    private static let asking = """
        [req]
        distinguished_name = name
        attributes = attributes
        prompt = no
        req_extensions = extensions
        [name]
        CN = root of everything
        [attributes]
        challengePassword = the-nonce
        [extensions]
        basicConstraints = critical,CA:TRUE
        keyUsage = keyCertSign
        subjectAltName = URI:spiffe://example.org/t/other/sa/other/c/other,DNS:example.org
        """

    private func request(curve: String = "prime256v1", options: String...) async throws -> String {
        let openssl = try OpenSSL()
        defer { openssl.remove() }
        try openssl.write(Self.asking, to: "configuration")
        let kind = curve == "rsa" ? ["rsa:2048"] : ["ec", "-pkeyopt", "ec_paramgen_curve:\(curve)"]
        let arguments =
            ["req", "-new", "-newkey"] + kind + [
                "-nodes", "-keyout", "key", "-out", "csr", "-config", "configuration",
            ] + options
        try await openssl.run(arguments)
        return try openssl.read("csr")
    }

    @Test func onlyKeyAndChallengeAreTakenFromARequestThatAsksForMore() async throws {
        let read = try CertificateRequest(verifyingPEM: await request())
        #expect(read.challenge == "the-nonce")
    }

    @Test(arguments: ["-sha384", "-sha512"]) func strongerDigestsAreVerifiedToo(digest: String) async throws {
        #expect(try CertificateRequest(verifyingPEM: await request(options: digest)).challenge == "the-nonce")
    }

    @Test(arguments: ["rsa", "secp384r1", "secp256k1"]) func otherKeysAreRefusedByName(kind: String) async throws {
        let pem = try await request(curve: kind)
        #expect(throws: MachineIdentityError(.unsupportedKey, "")) { try CertificateRequest(verifyingPEM: pem) }
    }

    @Test func aWeakDigestIsRefused() async throws {
        let pem = try await request(options: "-sha1")
        #expect(throws: MachineIdentityError(.popFailed, "")) { try CertificateRequest(verifyingPEM: pem) }
    }

    @Test func aRequestWithoutChallengeIsReadButDoesNotAnswerANonce() async throws {
        let openssl = try OpenSSL()
        defer { openssl.remove() }
        try await openssl.run(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key",
            "-out", "csr", "-subj", "/CN=x")
        let read = try CertificateRequest(verifyingPEM: openssl.read("csr"))
        #expect(read.challenge == nil)
        #expect(throws: MachineIdentityError(.popFailed, "")) { try read.requireChallenge("") }
    }

    @Test func opensslAcceptsOurRequestsAndKeys() async throws {
        let openssl = try OpenSSL()
        defer { openssl.remove() }
        let key = MachineKey()
        try openssl.write(try CertificateRequest.make(key: key, challenge: "nonce-1_2").pem, to: "csr")
        try openssl.write(key.pem().reveal(), to: "key")
        let text = try await openssl.run("req", "-in", "csr", "-noout", "-verify", "-text")
        #expect(text.contains("verify OK"))
        #expect(text.contains("nonce-1_2"))
        try await openssl.run("pkey", "-in", "key", "-check", "-noout")
        try await openssl.run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "sec1")
        _ = try MachineKey(pem: openssl.read("sec1"))
    }
}
