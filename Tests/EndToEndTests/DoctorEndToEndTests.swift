import Foundation
import Testing

/// `postern doctor` with the real programs: that the first failing row is the cause, and that it disturbs nobody.
@Suite("The doctor end to end", .serialized, .timeLimit(.minutes(5)))
struct DoctorEndToEndTests {
    private static let network = ["clock", "dns", "proxy", "tcp", "tls", "tenant-api"]
    private static let membership = ["authorization", "queue-credential", "broker-round-trip"]

    @Test("a healthy connector is well, with and without its service, which goes on as if nobody had asked")
    func healthy() async throws {
        try await Site.with { site in
            #expect(try await site.register("one", try await site.invite()).status == 0)
            let alone = try await site.doctor("one")
            #expect(alone.rows.allSatisfy { $0.status == "ok" }, "\(alone.rows)")
            #expect(alone["tls"]?.note.contains("below the tenant's own root") == true)
            #expect(alone["policy"]?.note == "app: GET, POST on /open/**")
            #expect(alone["broker-round-trip"]?.note.hasSuffix("ms") == true)

            try site.run("one", configuration: "healthy.yaml")
            try await site.waitUntilOnline(1)
            for _ in 1...3 {
                let beside = try await site.doctor("one")
                #expect(beside.rows.allSatisfy { $0.status == "ok" }, "\(beside.rows)")
                #expect(beside["queue-credential"]?.note.contains("running service") == true)
                #expect(beside["broker-round-trip"]?.note.contains("running service's link") == true)
            }
            #expect(try await site.call("after").status == 200)
            let log = site.connectors["one"]?.errors ?? ""
            #expect(
                site.connectors["one"]?.isRunning == true && !log.contains("replaced") && !log.contains("Link lost"))
            #expect(log.components(separatedBy: "Link connected").count <= 2)

            let text = try await site.postern(["doctor", "--config", site.path("healthy.yaml")], of: "one")
            #expect(text.status == 0 && text.output.hasSuffix("All is well.\n"), "\(text.output)")
        }
    }

    @Test("before registration it looks with the invitation's pins, and neither sends nor shows the secret")
    func beforeRegistration() async throws {
        try await Site.with { site in
            let enrollment = try await site.enroll()
            let secret = enrollment.secret ?? "?"
            let file = try site.write(enrollment.invitation ?? "", to: "invitation.txt")
            let invited = try await site.postern(["doctor", "--invitation-file", file], of: "one")
            #expect(invited.status == 0, "\(invited.output)")
            for text in [secret, "pse_", "postern1_"] { #expect(!invited.output.contains(text)) }
            let pinned = try await site.doctor("one", ["--url", site.url, "--ca-pin", site.pin])
            #expect(pinned.checks("ok").filter(Self.network.contains) == Self.network, "\(pinned.rows)")
            #expect(pinned.checks("skipped").contains("identity") && pinned["identity"]?.note == "not registered yet")
            let unpinned = try await site.doctor("one", ["--url", site.url])
            #expect(unpinned["tls"]?.status == "warn" && unpinned["tls"]?.fix.contains(site.pin) == true)

            let wrong = "sha256:" + String(repeating: "ab", count: 32)
            let mistaken = try await site.doctor("one", ["--url", site.url, "--ca-pin", wrong])
            #expect(mistaken.first_failure == "tls" && mistaken["tls"]?.note.contains(site.pin) == true)
            #expect(mistaken["tenant-api"]?.note == "rests on tls")
            #expect(site.tenant?.errors.contains("/v1/enrollments/nonces") == false)
            #expect(!FileManager.default.fileExists(atPath: site.state("one")))
            let none = try await site.doctor("one")
            #expect(none.first_failure == "key-files" && none["dns"]?.note.contains("no tenant is known") == true)
            let both = try await site.postern(["doctor", "--url", site.url, "--invitation-file", file], of: "one")
            #expect(both.status == 2)
            #expect(try await site.register("one", enrollment.invitation ?? "").status == 0)
            let late = try await site.postern(["doctor", "--url", site.url], of: "one")
            #expect(late.status == 2 && late.errors.contains("registered already"))
        }
    }

    @Test("each thing that is broken is the first failing row, with its cure, and what rests on it is skipped")
    func broken() async throws {
        try await Site.with { site in
            #expect(try await site.register("one", try await site.invite()).status == 0)
            let manager = FileManager.default
            let key = site.state("one") + "/key.pem"
            try manager.setAttributes([.posixPermissions: 0o644], ofItemAtPath: key)
            var answer = try await site.doctor("one")
            #expect(answer.first_failure == "key-files" && answer["key-files"]?.fix == "chmod 600 '\(key)'")
            #expect(answer["identity"]?.note == "rests on key-files")
            try manager.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)

            let certificate = site.state("one") + "/certificate.pem"
            let kept = try String(contentsOfFile: certificate, encoding: .utf8)
            try "nothing".write(toFile: certificate, atomically: false, encoding: .utf8)
            answer = try await site.doctor("one")
            #expect(answer.first_failure == "identity" && answer["identity"]?.fix.contains("backup") == true)
            try kept.write(toFile: certificate, atomically: false, encoding: .utf8)

            let misspelt = try site.write("services: {app: {kind: http, targt: x}}", to: "misspelt.yaml")
            answer = try await site.doctor("one", configuration: misspelt)
            #expect(answer.first_failure == "configuration", "\(answer.rows)")
            #expect(answer["policy"]?.status == "skipped" && answer["broker-round-trip"]?.status == "ok")

            let open = try site.write(
                """
                services:
                  all: {kind: http, target: "http://127.0.0.1:\(site.service.port)", allow: [{methods: ["*"], paths: ["/**"]}]}
                  none: {kind: http, target: "http://127.0.0.1:\(site.service.port)"}
                """, to: "open.yaml")
            answer = try await site.doctor("one", configuration: open)
            #expect(answer.healthy && answer["policy"]?.status == "warn", "\(answer.rows)")
            #expect(answer["policy"]?.fix.contains("every method on every path") == true)
            #expect(answer["policy"]?.fix.contains("none: add rules") == true)

            let closed = try Loopback.freePort()
            let unreached = try site.write(
                "services: {app: {kind: http, target: \"http://127.0.0.1:\(closed)\", allow: []}}", to: "closed.yaml")
            answer = try await site.doctor("one", configuration: unreached)
            #expect(answer.checks("fail") == ["targets"] && answer["targets"]?.note.contains("refused") == true)

            let id = try await site.connectorID(of: "one")
            site.tenant?.signal(SIGTERM)
            _ = await site.tenant?.wait()
            answer = try await site.doctor("one")
            #expect(answer.checks("fail") == ["tcp"] && answer["tcp"]?.note.contains("refused") == true)
            #expect(answer["clock"]?.note == "rests on tcp" && answer["identity"]?.status == "ok")
            #expect(Self.membership.allSatisfy { answer[$0]?.note == "rests on tcp" }, "\(answer.rows)")
            try await site.serve()

            #expect(try await site.ctl(["connectors", "revoke", id]).status == 0)
            answer = try await site.doctor("one")
            #expect(answer.first_failure == "authorization", "\(answer.rows)")
            #expect(answer["authorization"]?.note.contains("revoked") == true)
            #expect(answer["broker-round-trip"]?.note == "rests on authorization")
        }
    }

    @Test("a name without an address is the cause, not the connection")
    func unknownName() async throws {
        try await Site.with { site in
            let answer = try await site.doctor("one", ["--url", "https://nowhere.invalid:8443"])
            #expect(answer.checks("fail") == ["dns"], "\(answer.rows)")
            #expect(answer["tcp"]?.note == "rests on dns")
        }
    }
}
