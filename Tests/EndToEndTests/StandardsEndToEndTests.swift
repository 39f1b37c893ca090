import Foundation
import TestTools
import Testing

/// Clients and examiners that others wrote, unmodified, against the real programs.
@Suite("Standards end to end", .serialized, .timeLimit(.minutes(5)))
struct StandardsEndToEndTests {
    @Test(
        "strongSwan's pki fetches the authorities, enrolls and enrolls again",
        .enabled(if: Tool.exists("pki"), "no strongswan-pki")
    )
    func strongSwan() async throws {
        try await Site.with { site in
            let authorities = try await site.pki([
                "--estca", "--url", site.url, "--cacert", site.tenantFolder + "/ca.pem", "--caout", site.path("ca.pem"),
                "--outform", "pem",
            ])
            #expect(authorities.contains("Root CA equals trusted TLS Root CA"))
            let (root, intermediate) = (site.path("ca.pem"), site.path("ca-1.pem"))
            #expect(try site.read("ca-1.pem").contains("BEGIN CERTIFICATE"))

            let enrollment = try await site.enroll()
            try await site.pki(["--gen", "--type", "ecdsa", "--size", "256", "--outform", "pem"], to: "sw.key")
            try await site.pki(
                [
                    "--req", "--type", "priv", "--in", site.path("sw.key"), "--dn", "CN=admin", "--san", "evil.example",
                    "--outform", "pem",
                ], to: "sw.csr")
            let enroll = [
                "--est", "--url", site.url, "--in", site.path("sw.csr"), "--cacert", root, "--cacert", intermediate,
                "--outform", "pem", "--userpass",
            ]
            let said = try await site.pki(enroll + ["gw:\(enrollment.secret ?? "")"], to: "sw.pem")
            #expect(said.contains("Issued certificate is trusted"))
            try await site.expectMachine("sw.pem", key: "sw.key", root: root, intermediate: intermediate)
            let refused = try await Program.run("pki", enroll + ["gw:nothing"], in: site.folder)
            #expect(refused.status != 0 && refused.errors.contains("HTTP 401"), "\(refused.errors.suffix(500))")
            #expect(try await site.enrollments()[enrollment.id]?.used == 1)

            try await site.pki(["--gen", "--type", "ecdsa", "--size", "256", "--outform", "pem"], to: "next.key")
            try await site.pki(
                ["--req", "--type", "priv", "--in", site.path("next.key"), "--dn", "CN=x", "--outform", "pem"],
                to: "next.csr")
            let again = try await site.pki(
                [
                    "--est", "--url", site.url, "--in", site.path("next.csr"), "--cacert", root, "--cacert",
                    intermediate, "--outform", "pem", "--cert", site.path("sw.pem"), "--key", site.path("sw.key"),
                ], to: "next.pem")
            #expect(again.contains("Issued certificate is trusted"))
            try await site.expectMachine("next.pem", key: "next.key", root: root, intermediate: intermediate)
            let superseded = try await site.curl(
                "/v1/self", ["--cert", site.path("sw.pem"), "--key", site.path("sw.key")])
            #expect(superseded.status == 409 && superseded.text.contains("stale-generation"), "\(superseded)")
            try await site.expectUnharmed()
        }
    }

    @Test("curl and openssl enroll by EST")
    func curl() async throws {
        try await Site.with { site in
            let enrollment = try await site.enroll()
            try await site.openssl([
                "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=curl",
                "-keyout", site.path("c.key"), "-outform", "DER", "-out", site.path("c.csr"),
            ])
            let request = try Data(contentsOf: URL(filePath: site.path("c.csr")))
            let enroll = [
                "--user", "gw:\(enrollment.secret ?? "")", "-H", "Content-Type: application/pkcs10", "--data-binary",
                request.base64EncodedString(options: .lineLength64Characters),
            ]
            let answer = try await site.curl("/.well-known/est/simpleenroll", enroll)
            try #require(answer.status == 200, "\(answer.text)")
            try site.write(answer.text + "\n", to: "c.base64")
            try await site.openssl(["base64", "-d", "-A", "-in", site.path("c.base64"), "-out", site.path("c.p7")])
            try await site.openssl([
                "pkcs7", "-inform", "DER", "-in", site.path("c.p7"), "-print_certs", "-out", site.path("c.pem"),
            ])
            try await site.expectMachine(
                "c.pem", key: "c.key", root: site.tenantFolder + "/ca.pem",
                intermediate: site.tenantFolder + "/intermediate.pem")
            let refused = try await site.curl(
                "/.well-known/est/simpleenroll", ["-i", "--user", "gw:x"] + enroll.dropFirst(2))
            #expect(refused.status == 401 && refused.text.contains("Basic realm="), "\(refused.text)")
            let keys = try await site.curl("/.well-known/est/serverkeygen", enroll)
            #expect(keys.status == 404)

            try await site.openssl([
                "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=curl",
                "-keyout", site.path("d.key"), "-outform", "DER", "-out", site.path("d.csr"),
            ])
            let again = try await site.curl(
                "/.well-known/est/simplereenroll",
                [
                    "--cert", site.path("c.pem"), "--key", site.path("c.key"), "-H",
                    "Content-Type: application/octet-stream", "--data-binary", "@" + site.path("d.csr"),
                ])
            try #require(again.status == 200, "\(again.text)")
            try site.write(again.text + "\n", to: "d.base64")
            try await site.openssl(["base64", "-d", "-A", "-in", site.path("d.base64"), "-out", site.path("d.p7")])
            try await site.openssl([
                "pkcs7", "-inform", "DER", "-in", site.path("d.p7"), "-print_certs", "-out", site.path("d.pem"),
            ])
            try await site.expectMachine(
                "d.pem", key: "d.key", root: site.tenantFolder + "/ca.pem",
                intermediate: site.tenantFolder + "/intermediate.pem")
        }
    }

    @Test("nothing below TLS 1.2, in sslscan's eyes", .enabled(if: Tool.exists("sslscan"), "no sslscan"))
    func transport() async throws {
        try await Site.with { site in
            let scan = try await Program.run("sslscan", ["--no-colour", "localhost:\(site.port)"], in: site.folder)
            try #require(scan.status == 0, "\(scan.errors)")
            let versions = scan.output.split(separator: "\n").map { $0.split(separator: " ") }
                .filter { $0.count == 2 && ["enabled", "disabled"].contains($0[1]) }
            #expect(versions.filter { $0[1] == "enabled" }.map { $0[0] } == ["TLSv1.2", "TLSv1.3"], "\(scan.output)")
            #expect(versions.count >= 6)
            for line in scan.output.split(separator: "\n") where line.contains("heartbleed") {
                #expect(line.contains("not vulnerable"))
            }
            for weak in ["RC4", "DES", "NULL", "EXPORT", "MD5"] {
                #expect(!scan.output.contains(weak), "\(weak): \(scan.output)")
            }
        }
    }

    @Test(
        "schemathesis finds no failure and nothing undescribed, with a credential and without",
        .enabled(if: PythonPackages.program("schemathesis") != nil, "\(PythonPackages.note): schemathesis"))
    func description() async throws {
        let script = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../ops/lib/schemathesis.sh").standardizedFileURL.path
        try await Site.with(logLevel: "warning") { site in
            // Whoever tries so many credentials has to wait otherwise.
            try await site.restartTenant(["--limits", try site.writeWideLimits()])
            for key in [site.path("admin.key"), "-"] {
                let asked = try await Program.run(
                    "bash", [script, site.url, site.tenantFolder + "/ca.pem", key, "5"], in: site.folder)
                #expect(asked.status == 0, "\(asked.output.suffix(6000)) \(asked.errors.suffix(1000))")
                #expect(asked.output.contains(" passed"))
            }
            try await site.expectUnharmed()
        }
    }

    @Test(
        "the dispatcher's description is as true, with names that nobody has and with those of a group that is at work",
        .enabled(if: PythonPackages.program("schemathesis") != nil, "\(PythonPackages.note): schemathesis"))
    func dispatcherDescription() async throws {
        let script = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../ops/lib/schemathesis.sh").standardizedFileURL.path
        try await Site.with(connectors: ["one"], logLevel: "warning") { site in
            try await site.restartTenant(["--limits", try site.writeWideLimits()])
            try await site.waitUntilOnline(1)
            let lib = URL(filePath: script).deletingLastPathComponent()
            let rules = lib.appending(path: "dispatcher.toml").path
            // With the group that is at work; what its services answer is theirs.
            let names = try site.write(
                String(contentsOfFile: rules, encoding: .utf8) + """

                    [parameters]
                    "path.group" = "site"

                    [[operations]]
                    include-path-regex = "/services/"
                    enabled = false

                    """, to: "names.toml")
            for (key, configuration) in [("admin.key", rules), ("-", rules), ("admin.key", names)] {
                let asked = try await Program.run(
                    "bash",
                    [
                        script, site.url, site.tenantFolder + "/ca.pem", key == "-" ? key : site.path(key), "3",
                        "dispatcher.yaml", configuration,
                    ], in: site.folder)
                #expect(asked.status == 0, "\(asked.output.suffix(6000)) \(asked.errors.suffix(1000))")
                #expect(asked.output.contains(" passed"))
            }
            try await site.expectUnharmed()
            #expect(site.connectors["one"]?.isRunning == true)
        }
    }
}

/// A program of the system.
private enum Tool {
    static func exists(_ name: String) -> Bool { Program.path(name) != name }
}

extension Site {
    /// Writes limits that nobody meets.
    ///
    /// - Returns: the file's path.
    fileprivate func writeWideLimits() throws -> String {
        let rate = #"{"per_second": 1000000, "burst": 1000000}"#
        func rates(_ kinds: [String]) -> String {
            "{" + kinds.map { "\"\($0)\": \(rate)" }.joined(separator: ", ") + "}"
        }
        return try write(
            """
            {"source": \(rates(["open", "registration", "token", "administration"])),
             "principal": \(rates(["registration", "token", "member", "administration"])),
             "failures": {"free": 1000000, "first_delay_seconds": 1, "longest_delay_seconds": 60,
                          "forget_after_seconds": 600, "alarm": 1000000}}
            """, to: "limits.json")
    }

    /// Runs strongSwan's pki.
    ///
    /// - Returns: what it said; what it made goes to the file.
    @discardableResult
    fileprivate func pki(_ arguments: [String], to file: String? = nil) async throws -> String {
        let result = try await Program.run("pki", arguments, in: folder)
        try #require(result.status == 0, "pki \(arguments.first ?? ""): \(result.errors.suffix(2000))")
        if let file { try write(result.output, to: file) }
        return result.output + result.errors
    }

    /// Checks that a certificate is a machine's, for openssl and for the tenant.
    fileprivate func expectMachine(
        _ certificate: String, key: String, root: String, intermediate: String,
        _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let verified = try await openssl([
            "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", root, "-untrusted", intermediate,
            path(certificate),
        ])
        #expect(verified.contains("OK"), sourceLocation: location)
        let text = try await openssl(["x509", "-noout", "-text", "-in", path(certificate)])
        #expect(text.contains("URI:spiffe://localhost/t/default/sa/gw/c/"), sourceLocation: location)
        #expect(!text.contains("evil.example") && !text.contains("admin"), sourceLocation: location)
        let own = try await curl("/v1/self", ["--cert", path(certificate), "--key", path(key)])
        #expect(own.status == 200, "\(own.text)", sourceLocation: location)
    }
}
