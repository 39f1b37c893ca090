import Foundation
import Testing

/// Registration with the real programs: what goes wrong, what is said about it, and that nothing is lost by it.
@Suite("Registration end to end", .serialized, .timeLimit(.minutes(5)))
struct RegistrationEndToEndTests {
    @Test("registering again by the same invitation changes nothing; another invitation is refused and stays good")
    func again() async throws {
        try await Site.with { site in
            let invitation = try await site.invite()
            #expect(try await site.register("one", invitation).status == 0)
            let id = try await site.connectorID(of: "one")
            let again = try await site.register("one", invitation)
            #expect(again.status == 0)
            #expect(again.output.contains("registered by this invitation before") && again.output.contains(id))
            let other = try await site.enroll()
            let refused = try await site.register("one", other.invitation ?? "")
            #expect(refused.status == 4)
            #expect(refused.errors.contains(id) && refused.errors.contains("invitation was not used"))
            #expect(try await site.enrollments()[other.id]?.state == "open")
            #expect(try await site.register("two", other.invitation ?? "").status == 0)

            let identity = try await site.postern(["identity"], of: "one")
            #expect(
                identity.status == 0 && identity.output.contains(id) && identity.output.contains("groups        site"))
            for text in [identity.output, again.output, try site.read("one/identity.json")] {
                #expect(!text.contains("pse_") && !text.contains("postern1_") && !text.contains("PRIVATE"))
            }
            let ping = try await site.postern(["ping"], of: "two")
            #expect(ping.status == 0, "\(ping.errors)")
        }
    }

    @Test("an invitation that is mistyped, cut off, withdrawn, unknown, expired or used ends with 7; a good one works")
    func invitations() async throws {
        try await Site.with { site in
            func expectRefused(_ invitation: String, _ words: String, _ location: SourceLocation = #_sourceLocation)
                async throws
            {
                let refused = try await site.register("one", invitation)
                #expect(refused.status == 7, "\(refused.output)\(refused.errors)", sourceLocation: location)
                #expect(refused.errors.contains(words), "\(refused.errors)", sourceLocation: location)
                #expect(!(refused.output + refused.errors).contains("pse_"), sourceLocation: location)
                #expect(!refused.errors.contains(invitation), sourceLocation: location)
            }
            let short = try await site.enroll(["--expires-in", "1"])
            let good = try await site.invite()
            try await expectRefused("good-morning", "begins with")
            let middle = good.index(good.startIndex, offsetBy: good.count / 2)
            try await expectRefused(
                good[..<middle] + (good[middle] == "a" ? "b" : "a") + good[good.index(after: middle)...],
                "typing error")
            try await expectRefused(String(good.dropLast(12)), "not complete")

            let withdrawn = try await site.enroll()
            let admin = try site.read("admin.key").trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(try await site.http("DELETE", "/v1/enrollments/\(withdrawn.id)", key: admin).status == 204)
            try await expectRefused(withdrawn.invitation ?? "", "withdrawn")

            // As after a restore of the tenant from an older backup.
            let unknown = try await site.enroll()
            let forgotten = try await Program.run(
                "sqlite3",
                [site.tenantFolder + "/registry.sqlite", "DELETE FROM enrollments WHERE id = '\(unknown.id)'"],
                in: site.folder)
            #expect(forgotten.status == 0, "\(forgotten.errors)")
            try await expectRefused(unknown.invitation ?? "", "no credential that is valid")

            try await waitUntil("the invitation has expired", within: .seconds(10)) {
                try await site.enrollments()[short.id]?.state == "expired"
            }
            try await expectRefused(short.invitation ?? "", "expired at")

            #expect(try await site.register("other", good).status == 0)
            try await expectRefused(good, "registered all the connectors")
            try await site.expectUnharmed()
            let last = try await site.register("one", try await site.invite())
            #expect(last.status == 0, "\(last.errors)")
        }
    }

    @Test("a dry run makes no key and leaves the invitation as it was")
    func rehearsal() async throws {
        try await Site.with { site in
            let enrollment = try await site.enroll()
            for _ in 1...2 {
                let rehearsed = try await site.register("one", enrollment.invitation ?? "", ["--dry-run"])
                #expect(rehearsed.status == 0 && rehearsed.output.contains("not used"))
            }
            #expect(!FileManager.default.fileExists(atPath: site.state("one") + "/key.pem"))
            let known = try #require(try await site.enrollments()[enrollment.id])
            #expect(known.state == "open" && known.used == 0)
            #expect(try await site.register("one", enrollment.invitation ?? "").status == 0)
            #expect(try await site.enrollments()[enrollment.id]?.state == "consumed")
        }
    }

    @Test("a server with another root, or with another TLS issuer on the way, never sees the secret")
    func interception() async throws {
        try await Site.with { site in
            let enrollment = try await site.enroll()
            let secret = try site.write(enrollment.secret ?? "", to: "secret")
            func parts(_ pin: String) -> [String] {
                ["register", "--url", site.url, "--account", "gw", "--secret-file", secret, "--ca-pin", pin]
            }
            let wrong = "sha256:" + String(repeating: "ab", count: 32)
            let mistaken = try await site.postern(parts(wrong), of: "one")
            #expect(mistaken.status == 8, "\(mistaken.errors)")
            #expect(mistaken.errors.contains("ca-pin-mismatch") && mistaken.errors.contains(wrong))
            #expect(mistaken.errors.contains(site.pin) && mistaken.errors.contains("Nothing secret was sent"))
            #expect(site.tenant?.errors.contains("\"/v1/ca\"") == true)
            #expect(site.tenant?.errors.contains("/v1/enrollments/nonces") == false)

            try await site.openssl([
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=Inspecting Proxy", "-addext", "subjectAltName=DNS:localhost",
                "-keyout", site.path("proxy.key"), "-out", site.path("proxy.pem"),
            ])
            let interceptor = try await Interceptor(
                to: site.port, certificate: site.path("proxy.pem"), key: site.path("proxy.key"))
            let proxied = ["HTTPS_PROXY": "http://127.0.0.1:\(interceptor.port)", "NO_PROXY": ""]
            let intercepted = try await site.postern(
                ["register", enrollment.invitation ?? ""], of: "one", environment: proxied)
            #expect(intercepted.status == 8, "\(intercepted.errors)")
            #expect(intercepted.errors.contains("tls-issuer-pin-mismatch"))
            #expect(intercepted.errors.contains("Inspecting Proxy") && intercepted.errors.contains("intercepts TLS"))
            // Without the issuer's pin the root's is right, since the interceptor passes it on; TLS still does not fit.
            let unpinned = try await site.postern(parts(site.pin), of: "one", environment: proxied)
            #expect(unpinned.status == 8 && unpinned.errors.contains("untrusted-server"), "\(unpinned.errors)")
            #expect(interceptor.read.contains("GET /v1/ca"))
            for text in ["pse_", "authorization", "/v1/enrollments"] {
                #expect(!interceptor.read.lowercased().contains(text), "the interceptor has read \(text)")
            }
            #expect(site.tenant?.errors.contains("/v1/enrollments/nonces") == false)

            let good = try await site.postern(parts(site.pin), of: "one")
            #expect(good.status == 0, "\(good.errors)")
            #expect(site.tenant?.errors.contains("/v1/enrollments/nonces") == true)
            let before = interceptor.read
            let ping = try await site.postern(["ping"], of: "one", environment: proxied)
            #expect(ping.status == 8 && ping.errors.contains("certificate is not trusted"), "\(ping.errors)")
            #expect(ping.errors.contains("Inspecting Proxy"), "\(ping.errors)")
            // The public question alone, by which the interceptor is named.
            let told = interceptor.read.dropFirst(before.count)
            #expect(told.hasPrefix("GET /v1/ca HTTP/1.1\r\n") && !told.contains("/v1/queue-credentials"), "\(told)")
            #expect(!told.lowercased().contains("authorization"))
            await interceptor.stop()
        }
    }

    @Test("a tenant that is down is named, and costs neither the invitation nor the identity")
    func tenantDown() async throws {
        try await Site.with { site in
            let invitation = try await site.invite()
            site.tenant?.signal(SIGTERM)
            _ = await site.tenant?.wait()
            let unreached = try await site.register("one", invitation)
            #expect(unreached.status == 8, "\(unreached.errors)")
            #expect(unreached.errors.contains("localhost:\(site.port)") && unreached.errors.contains("refused"))
            try await site.serve()
            #expect(try await site.register("one", invitation).status == 0)
            let id = try await site.connectorID(of: "one")

            site.tenant?.signal(SIGTERM)
            _ = await site.tenant?.wait()
            let kept = try await site.postern(["unregister"], of: "one")
            #expect(kept.status == 8 && kept.errors.contains("Nothing was erased"), "\(kept.errors)")
            #expect(try await site.connectorID(of: "one") == id)
            try await site.serve()
            let given = try await site.postern(["unregister"], of: "one")
            #expect(given.status == 0 && given.output.contains(id), "\(given.errors)")
            #expect(try await site.ctl(["connectors", "show", id]).output.contains("revoked"))
            #expect(try await site.postern(["unregister"], of: "one").status == 3)

            #expect(try await site.register("one", try await site.invite()).status == 0)
            let second = try await site.connectorID(of: "one")
            let local = try await site.postern(["unregister", "--local"], of: "one")
            #expect(local.status == 0 && local.output.contains("tenant does not know"))
            #expect(try await site.postern(["identity"], of: "one").status == 3)
            #expect(try await site.ctl(["connectors", "show", second]).output.contains("active"))
        }
    }

    @Test("an unsafe state folder, a missing registration and a bad configuration are told apart, each with its cure")
    func local() async throws {
        try await Site.with { site in
            let invitation = try await site.invite()
            try FileManager.default.createDirectory(
                atPath: site.state("one"), withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
            let open = try await site.register("one", invitation)
            #expect(open.status == 2 && open.errors.contains("chmod 700 '\(site.state("one"))'"), "\(open.errors)")
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: site.state("one"))
            try site.write("services: {}\n", to: "empty.yaml")
            let early = try await site.postern(["run", "--config", site.path("empty.yaml")], of: "one")
            #expect(early.status == 3 && early.errors.contains("postern register <invitation>"), "\(early.errors)")
            #expect(try await site.register("one", invitation).status == 0)

            let key = site.state("one") + "/key.pem"
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: key)
            let readable = try await site.postern(["identity"], of: "one")
            #expect(readable.status == 2 && readable.errors.contains("chmod 600 '\(key)'"), "\(readable.errors)")
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)

            let bad = [
                ("services: {app: {kind: http, target: http://127.0.0.1:1, alow: []}}", "services.app.alow"),
                ("services: {app: {kind: ftp}}", "services.app.kind"),
                ("limits: {in_flight: many}", "limits.in_flight"),
                ("services: [", "not YAML"),
            ]
            for (text, words) in bad {
                let file = try site.write(text, to: "bad.yaml")
                let refused = try await site.postern(["run", "--config", file], of: "one")
                #expect(refused.status == 2 && refused.errors.contains(words), "\(text): \(refused.errors)")
                #expect(refused.errors.contains(file))
            }
            let missing = try await site.postern(["run", "--config", site.path("none.yaml")], of: "one")
            #expect(missing.status == 2 && missing.errors.contains("none.yaml"), "\(missing.errors)")
            #expect(try await site.postern(["ping"], of: "one").status == 0)
        }
    }
}
