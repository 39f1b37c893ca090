import CertificateAuthority
import EnrollmentProtocol
import Foundation
import IdentityStore
import MachineIdentity
import TestTools
import Testing

@testable import EnrollmentService

/// A company's root above our intermediate: signed here, or on request by openssl.
@Suite struct CompanyRootTests {
    private let openssl: OpenSSL
    /// Keys take their time to be made, and certificates are valid from the second on in which they were.
    private var now: Date { Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.up)) }

    init() throws { openssl = try OpenSSL() }

    private var folder: StateFolder { StateFolder(path: openssl.folder.appending(path: "state").path) }

    private func plan(_ origin: Installation.AuthorityOrigin) -> Installation.Plan {
        var plan = Installation.Plan(
            hosts: ["localhost"], trustDomain: "acme.test", publicURL: "https://localhost", ownTLS: nil)
        plan.authority = origin
        return plan
    }

    /// Makes a self-signed certificate by openssl, with its key beside it.
    private func root(
        _ name: String, curve: String = "P-384", constraints: String = "critical,CA:TRUE",
        usage: String = "critical,keyCertSign,cRLSign", days: Int = 3650
    ) async throws -> (certificate: String, key: String) {
        let key = curve == "RSA" ? ["rsa:2048"] : ["ec", "-pkeyopt", "ec_paramgen_curve:\(curve)"]
        try await openssl.run(
            ["req", "-x509", "-nodes", "-newkey"] + key + [
                "-subj", "/O=Acme/CN=\(name)", "-days", "\(days)", "-keyout", name + ".key", "-out", name + ".pem",
                "-addext", "basicConstraints=\(constraints)", "-addext", "keyUsage=\(usage)",
            ])
        return (try openssl.read(name + ".pem"), try openssl.read(name + ".key"))
    }

    /// Signs a request by openssl as an authority.
    private func sign(_ request: String, by name: String) async throws -> String {
        try openssl.write(request, to: "ours.csr")
        try openssl.write(
            "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n"
                + "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n", to: "ours.ext")
        try await openssl.run(
            "x509", "-req", "-in", "ours.csr", "-CA", name + ".pem", "-CAkey", name + ".key", "-days", "1825",
            "-set_serial", "0x\(UUID().uuidString.prefix(8))", "-extfile", "ours.ext", "-out", "ours.pem")
        return try openssl.read("ours.pem") + openssl.read(name + ".pem")
    }

    /// Issues a machine's certificate and lets openssl judge it below the root.
    private func expectToIssue(_ installation: Installation, below root: String) async throws {
        let name = try MachineName(trustDomain: "acme.test", tenant: "t", account: "a", connector: "c")
        let issued = try installation.authority.issueMachineCertificate(
            publicKey: MachineKey().publicKey, name: name, now: now, serial: .random())
        _ = try installation.authority.leafPolicy().judge(issued.der, at: now)
        try openssl.write(issued.pem, to: "leaf.pem")
        try openssl.write(CertificatePEM.encode([installation.authority.intermediateCertificate]), to: "chain.pem")
        let verified = try await openssl.run(
            "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", root + ".pem", "-untrusted", "chain.pem",
            "leaf.pem")
        #expect(verified == "leaf.pem: OK\n")
        _ = try installation.serverIssuerPin
    }

    @Test(arguments: ["P-256", "P-384"]) func aRootWhoseKeyIsAtHandSigns(curve: String) async throws {
        defer { openssl.remove() }
        let company = try await root("company", curve: curve)
        let installation = try await Installation.make(
            plan(.companyRoot(certificatePEM: company.certificate, keyPEM: company.key)), in: folder, now: now)
        try await expectToIssue(installation, below: "company")
        #expect(try folder.read("root.key") == nil, "the company's key is not kept")
        let next = try await Installation.rotateIntermediate(
            in: folder, rootKeyPEM: company.key, distrustFormer: false, now: now)
        let reopened = try await Installation.open(folder, now: now)
        #expect(reopened.authority.intermediateCertificate == next.certificate)
        try await expectToIssue(reopened, below: "company")
    }

    @Test(arguments: ["P-384", "RSA"]) func aRootElsewhereSignsOnRequest(curve: String) async throws {
        defer { openssl.remove() }
        _ = try await root("company", curve: curve)
        let request = try Installation.requestFirstIntermediate(plan(.ownRoot), in: folder)
        let chain = try await sign(request, by: "company")
        let installation = try await Installation.make(plan(.signedRequest(chainPEM: chain)), in: folder, now: now)
        try await expectToIssue(installation, below: "company")

        let again = try await sign(try installation.requestIntermediate(), by: "company")
        for _ in 0..<2 {
            let next = try await Installation.installIntermediate(again, in: folder, now: now)
            let reopened = try await Installation.open(folder, now: now)
            #expect(reopened.authority.intermediateCertificate == next.certificate)
            try await expectToIssue(reopened, below: "company")
        }
        _ = try await root("stranger", curve: curve)
        let foreign = try await sign(try installation.requestIntermediate(), by: "stranger")
        await #expect(throws: CertificateAuthorityError.self) {
            _ = try await Installation.installIntermediate(foreign, in: folder, now: now)
        }
        await #expect(throws: EnrollmentServiceError(.invalidArgument, "")) {
            _ = try await Installation.installIntermediate(chain, in: folder, now: now)
        }
    }

    @Test func whatCannotSignIsRefusedAndLeavesNoInstallation() async throws {
        defer { openssl.remove() }
        let good = try await root("company")
        let other = try await root("other")
        let rsa = try await root("rsa", curve: "RSA")
        let narrow = try await root("narrow", constraints: "critical,CA:TRUE,pathlen:0")
        let leaf = try await root("leaf", constraints: "critical,CA:FALSE", usage: "critical,digitalSignature")
        let request = try Installation.requestFirstIntermediate(plan(.ownRoot), in: folder)
        let below = try #require(try await sign(request, by: "company").components(separatedBy: "-----END").first)
        let cases: [(String, String, CertificateAuthorityError.Code, Date)] = [
            ("garbage", good.key, .notAuthority, now), (leaf.certificate, leaf.key, .notAuthority, now),
            (narrow.certificate, narrow.key, .notAuthority, now),
            (below + "-----END CERTIFICATE-----\n", good.key, .notAuthority, now),
            (good.certificate, other.key, .mismatch, now), (good.certificate, "garbage", .invalidKey, now),
            (rsa.certificate, rsa.key, .invalidKey, now),
            (good.certificate, good.key, .expired, now.addingTimeInterval(3651 * 86_400)),
            (good.certificate, good.key, .expired, now.addingTimeInterval(-86_400)),
        ]
        for (certificate, key, code, time) in cases {
            do {
                _ = try await Installation.make(
                    plan(.companyRoot(certificatePEM: certificate, keyPEM: key)), in: folder, now: time)
                Issue.record("\(code) was not refused")
            } catch let error as CertificateAuthorityError {
                #expect(error.code == code, "\(error)")
            }
        }
        #expect(try folder.read("installation.json") == nil)
        _ = try await Installation.make(
            plan(.companyRoot(certificatePEM: good.certificate, keyPEM: good.key)), in: folder, now: now)
    }
}
