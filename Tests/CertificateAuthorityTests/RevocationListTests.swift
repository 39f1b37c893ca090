import CertificateAuthority
import Foundation
import MachineIdentity
import TestTools
import Testing

@Suite struct RevocationListTests {
    private func pem(_ der: [UInt8]) -> String {
        "-----BEGIN X509 CRL-----\n" + Data(der).base64EncodedString(options: .lineLength64Characters)
            + "\n-----END X509 CRL-----\n"
    }

    @Test(arguments: [0, 1, 300]) func opensslVerifiesAListOfAnyLength(count: Int) async throws {
        let openssl = try OpenSSL()
        defer { openssl.remove() }
        let installation = try Installation()
        let entries = (0..<count).map { _ in
            RevocationList.Entry(serial: .random(), revokedAt: installation.now.addingTimeInterval(-60))
        }
        let list = try installation.authority.issueRevocationList(
            entries, number: 1 << 40, lifetime: 3600, now: installation.now)
        try openssl.write(pem(list.der), to: "crl")
        try openssl.write(installation.intermediate.pem + installation.root.pem, to: "ca")
        let text = try await openssl.run("crl", "-in", "crl", "-CAfile", "ca", "-verify", "-text", "-noout")
        #expect(text.contains("verify OK"), "\(text)")
        #expect(text.contains("Version 2 (0x1)") && text.contains("X509v3 CRL Number"))
        #expect(text.contains("X509v3 Authority Key Identifier"))
        #expect(text.components(separatedBy: "Serial Number:").count - 1 == count)
        #expect(text.contains("No Revoked Certificates") == (count == 0))
        #expect(list.nextUpdate == installation.now.addingTimeInterval(3600))
    }

    @Test func opensslRefusesWhatIsOnTheListAndNothingElse() async throws {
        let openssl = try OpenSSL()
        defer { openssl.remove() }
        let installation = try Installation()
        let (good, bad) = (try installation.issue(MachineKey()), try installation.issue(MachineKey()))
        let list = try installation.authority.issueRevocationList(
            [.init(serial: bad.serial, revokedAt: installation.now)], number: 2, lifetime: 3600, now: installation.now)
        try openssl.write(pem(list.der), to: "crl")
        try openssl.write(installation.root.pem, to: "root")
        try openssl.write(installation.intermediate.pem, to: "intermediate")
        try openssl.write(good.pem, to: "good")
        try openssl.write(bad.pem, to: "bad")
        let verify = [
            "verify", "-CAfile", "root", "-untrusted", "intermediate", "-crl_check", "-CRLfile", "crl", "-purpose",
            "sslclient",
        ]
        #expect(try await openssl.run(verify + ["good"]).contains("good: OK"))
        let failure = await #expect(throws: OpenSSL.Failed.self) { try await openssl.run(verify + ["bad"]) }
        #expect(failure?.output.contains("certificate revoked") == true, "\(failure?.output ?? "")")
    }

    @Test func timesFrom2050OnAreWrittenInTheLongerForm() async throws {
        let openssl = try OpenSSL()
        defer { openssl.remove() }
        let installation = try Installation()
        let late = Date(timeIntervalSince1970: 2_524_608_000)
        let list = try installation.authority.issueRevocationList([], number: 3, lifetime: 3600, now: late)
        try openssl.write(pem(list.der), to: "crl")
        let text = try await openssl.run("crl", "-in", "crl", "-noout", "-lastupdate", "-nextupdate")
        #expect(text.contains("Jan  1 00:00:00 2050 GMT") && text.contains("Jan  1 01:00:00 2050 GMT"), "\(text)")
    }

    @Test func serialNumbersAreReadAsTheyAreWritten() {
        let serial = SerialNumber.random()
        #expect(SerialNumber(serial.description) == serial)
        for text in ["", "00", String(repeating: "f", count: 40), String(repeating: "g", count: 40), "\(serial)00"] {
            #expect(SerialNumber(text) == nil)
        }
    }
}
