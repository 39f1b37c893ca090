import CertificateAuthority
import Foundation
import MachineIdentity
import TestTools
import Testing

/// The certificates in the eyes of pkilint, which knows RFC 5280 better than we do.
@Suite(.enabled(if: PythonPackages.program("lint_pkix_cert") != nil, "\(PythonPackages.note): pkilint"))
struct PkilintTests {
    /// Findings that are wrong, by the certificate and pkilint's own name for them.
    ///
    /// It takes the host of a URI for a DNS name followed by `//` in the schemes that it knows, and `spiffe:` is none.
    private static let falseFindings: [String: Set<String>] = ["machine": ["pkix.invalid_uri_syntax"]]

    private struct Report: Decodable {
        struct Result: Decodable {
            struct Finding: Decodable {
                var severity: String
                var code: String
                var message: String?
            }
            var finding_descriptions: [Finding]
        }
        var results: [Result]
    }

    @Test func noCertificateOfOursHasAFaultThatItKnows() async throws {
        let lint = try #require(PythonPackages.program("lint_pkix_cert"))
        let openssl = try OpenSSL()
        defer { openssl.remove() }
        let installation = try Installation()
        let server = try installation.authority.issueServerCertificate(
            publicKey: MachineKey().publicKey,
            hosts: ["acme.example.org", "tenant.example.org", "192.0.2.7", "2001:db8::7"].map { try ServerHost($0) },
            now: installation.now, serial: .random())
        let certificates = [
            "root": installation.root, "intermediate": installation.intermediate,
            "machine": try installation.issue(MachineKey()), "server": server,
        ]
        for (name, certificate) in certificates.sorted(by: { $0.key < $1.key }) {
            try openssl.write(certificate.pem, to: name)
            // It ends with the number of findings.
            let output: String
            do {
                output = try await openssl.run(
                    program: lint + ["lint", "--severity", "NOTICE", "--format", "JSON", name])
            } catch let failure as OpenSSL.Failed { output = failure.output }
            let report = try JSONDecoder().decode(Report.self, from: Data(output.utf8))
            let findings = report.results.flatMap(\.finding_descriptions)
            let known = Self.falseFindings[name] ?? []
            for finding in findings where !known.contains(finding.code) {
                Issue.record("\(name): \(finding.severity) \(finding.code) \(finding.message ?? "")")
            }
            #expect(Set(findings.map(\.code)).isSuperset(of: known), "\(name): a finding that was listed is not made")
        }
    }
}
