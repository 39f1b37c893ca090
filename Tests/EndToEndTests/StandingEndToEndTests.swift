import Foundation
import NIOHTTP1
import Testing

/// Who is in and who is out, with real processes: freeze, unfreeze, revoke, two processes of one identity.
@Suite("End to end: in and out", .serialized, .timeLimit(.minutes(5)))
struct StandingEndToEndTests {
    @Test("freeze and revoke under load: no reply counts a moment later, no call fails, and a thawed one comes back")
    func underLoad() async throws {
        try await Site.with(connectors: ["one", "two"]) { site in
            let log = AnswerLog()
            try await log.record(site) {
                try await waitUntil("both answer", within: .seconds(20)) {
                    log.answers(of: "one").count >= 20 && log.answers(of: "two").count >= 20
                }
                let froze = ContinuousClock.now
                let frozen = try await site.ctl(["connectors", "freeze", "one", "--reason", "odd traffic"])
                #expect(frozen.status == 0 && frozen.output.contains("frozen: odd traffic"), "\(frozen)")
                try await waitUntil("its machine says so", within: .seconds(5)) {
                    try await site.postern(["status"], of: "one").output.hasPrefix("frozen")
                }
                let (before, begun) = (log.answers(of: "two").count, ContinuousClock.now)
                try await waitUntil("two goes on", within: .seconds(20)) { log.answers(of: "two").count > before + 100 }
                try await Task.sleep(until: max(begun, froze + .seconds(6)))
                let last = log.answers(of: "one").last.map { $0.at - froze } ?? .zero
                print("freeze: last reply \(last) after the command was given")
                #expect(last < .seconds(5))
                let status = try await site.postern(["status"], of: "one")
                #expect(status.status == 1 && status.output.contains("frozen by the tenant"), "\(status.output)")
                #expect(status.output.contains("posternctl connectors unfreeze"))
                #expect(site.connectors["one"]?.isRunning == true)
                let ping = try await site.postern(["ping"], of: "one")
                #expect(ping.status != 0)

                let thawed = ContinuousClock.now
                let unfrozen = try await site.ctl(["connectors", "unfreeze", "one"])
                #expect(unfrozen.status == 0, "\(unfrozen)")
                try await waitUntil("it answers again", within: .seconds(30)) {
                    !log.answers(of: "one", since: thawed).isEmpty
                }
                print("unfreeze: first reply \(ContinuousClock.now - thawed) after the command was given")

                let revoked = ContinuousClock.now
                #expect(try await site.ctl(["connectors", "revoke", "one", "--reason", "stolen"]).status == 0)
                #expect(await site.connectors["one"]?.wait().status == 6)
                try await Task.sleep(until: revoked + .seconds(6))
                let end = log.answers(of: "one").last.map { $0.at - revoked } ?? .zero
                print("revoke: last reply \(end) after the command was given")
                #expect(end < .seconds(5))
            }
            #expect(log.failures.isEmpty, "\(log.failures.prefix(5))")
        }
    }

    @Test("what a frozen connector has in hand goes to another, and its own late reply does not count")
    func inHand() async throws {
        try await Site.with(connectors: ["one", "two"]) { site in
            #expect(try await site.ctl(["connectors", "freeze", "two"]).status == 0)
            async let held = site.call("held", holding: "gate")
            try await waitUntil("one has it", within: .seconds(10)) { site.service.running == 1 }
            #expect(try await site.ctl(["connectors", "unfreeze", "two"]).status == 0)
            try await site.waitUntilOnline(2, within: .seconds(30))
            #expect(try await site.ctl(["connectors", "freeze", "one"]).status == 0)
            try await waitUntil("two has it", within: .seconds(10)) { site.service.running == 2 }
            site.service.openGate()
            #expect(try await held.headers.first(name: "postern-connector") == "two")
        }
    }

    @Test("a resumed TLS session of a frozen connector is refused, and accepted again when it is let in")
    func resumedSession() async throws {
        try await Site.with(connectors: ["one"]) { site in
            let (own, key) = (site.state("one") + "/certificate.pem", site.state("one") + "/key.pem")
            let versions = ["-tls1_2", "-tls1_3"]
            for version in versions {
                let first = try await site.session(
                    version, ["-sess_out", site.path(version), "-cert", own, "-key", key])
                #expect(first.contains("\nNew, ") && first.contains(#""state":"active""#), "\(first)")
            }
            #expect(try await site.ctl(["connectors", "freeze", "one"]).status == 0)
            for version in versions {
                let resumed = try await site.session(version, ["-sess_in", site.path(version)])
                #expect(resumed.contains("\nReused, ") && resumed.contains("problem:connector-frozen"), "\(resumed)")
            }
            #expect(try await site.ctl(["connectors", "unfreeze", "one"]).status == 0)
            for version in versions {
                let resumed = try await site.session(version, ["-sess_in", site.path(version)])
                #expect(resumed.contains("\nReused, ") && resumed.contains(#""state":"active""#), "\(resumed)")
            }
        }
    }

    @Test("a service that is started while it is frozen waits, and comes up when it is let in")
    func startedFrozen() async throws {
        try await Site.with { site in
            #expect(try await site.register("one", try await site.invite()).status == 0)
            #expect(try await site.ctl(["connectors", "freeze", "one", "--reason", "odd traffic"]).status == 0)
            try site.run("one")
            let connector = try #require(site.connectors["one"])
            try await waitUntil("it says why it waits", within: .seconds(20)) {
                connector.errors.contains("Frozen by the tenant")
            }
            #expect(connector.isRunning)
            try await waitUntil("it answers for itself", within: .seconds(10)) {
                try await site.postern(["status"], of: "one").output.hasPrefix("frozen")
            }
            let status = try await site.postern(["status"], of: "one")
            #expect(status.status == 1 && status.output.contains("odd traffic"), "\(status)")
            #expect(status.output.contains("posternctl connectors unfreeze"))
            let json = try await site.postern(["status", "--json"], of: "one")
            #expect(json.output.contains(#""state" : "frozen""#), "\(json.output)")
            for order in [["pause", "--note", "x"], ["rotate"], ["drain"]] {
                let refused = try await site.postern(order, of: "one")
                #expect(refused.status != 0 && refused.errors.contains("not at work yet"), "\(order) \(refused)")
            }
            #expect(connector.isRunning)
            #expect(try await site.ctl(["connectors", "unfreeze", "one"]).status == 0)
            try await site.waitUntilOnline(1, within: .seconds(30))
            #expect(
                try await site.postern(["pause", "--note", "x"], of: "one").status == 0, "the socket is the work's")
        }
    }

    @Test("suspected clones are marked in the list with an alarm, and show says what to do")
    func clones() async throws {
        try await Site.with { site in
            #expect(try await site.register("one", try await site.invite()).status == 0)
            #expect(try await site.register("two", try await site.invite()).status == 0)
            let quiet = try await site.ctl(["connectors", "list"])
            #expect(quiet.status == 0 && !quiet.output.contains("ALARM"))
            let reason = "clone suspected: an old generation came with another key"
            #expect(try await site.ctl(["connectors", "freeze", "one", "--reason", reason]).status == 0)
            #expect(try await site.ctl(["connectors", "freeze", "two", "--reason", "moves house"]).status == 0)
            let list = try await site.ctl(["connectors", "list"])
            #expect(list.status == 0 && list.output.contains("ALARM: 1 frozen because"), "\(list.output)")
            #expect(list.output.contains(reason) && list.output.contains("moves house"))
            let json = try await site.ctl(["connectors", "list", "--output", "json"])
            #expect(!json.output.contains("ALARM") && json.output.contains("freeze_reason"))
            let shown = try await site.ctl(["connectors", "show", "one"])
            #expect(shown.output.contains("register --replace") && shown.output.contains("connectors revoke"))
            let other = try await site.ctl(["connectors", "show", "two"])
            #expect(other.output.contains("connectors unfreeze"), "\(other.output)")
        }
    }

    @Test("openssl sees by the tenant's list that a certificate is revoked")
    func revocationList() async throws {
        try await Site.with { site in
            #expect(try await site.register("one", try await site.invite()).status == 0)
            let certificate = site.state("one") + "/certificate.pem"
            try site.write(
                try site.read("tenant/ca.pem") + site.read("tenant/intermediate.pem"), to: "authorities.pem")
            func verify() async throws -> Program.Result {
                let url = site.url + "/v1/crl"
                let fetched = try await Program.run(
                    "curl", ["-sS", "--fail", "--cacert", site.tenantFolder + "/ca.pem", "-o", site.path("crl"), url],
                    in: site.folder)
                try #require(fetched.status == 0, "\(fetched.errors)")
                let list = try await site.openssl([
                    "crl", "-inform", "DER", "-in", site.path("crl"), "-out", site.path("crl.pem"), "-CAfile",
                    site.path("authorities.pem"), "-verify",
                ])
                #expect(list.contains("verify OK"), "\(list)")
                return try await Program.run(
                    "openssl",
                    [
                        "verify", "-CAfile", site.tenantFolder + "/ca.pem", "-untrusted",
                        site.tenantFolder + "/intermediate.pem", "-crl_check", "-CRLfile", site.path("crl.pem"),
                        certificate,
                    ], in: site.folder)
            }
            #expect(try await verify().status == 0)
            #expect(try await site.ctl(["connectors", "revoke", "one"]).status == 0)
            let refused = try await verify()
            #expect(refused.status != 0 && (refused.output + refused.errors).contains("certificate revoked"))
        }
    }

    @Test("of two processes of one identity the older ends with 5, also where no dispatcher can tell it so")
    func olderProcess() async throws {
        try await Site.with(connectors: ["one"]) { site in
            let older = try #require(site.connectors["one"])
            older.signal(SIGSTOP)
            let copied = try await Program.run("cp", ["-a", site.state("one"), site.state("copy")], in: site.folder)
            try #require(copied.status == 0, "\(copied.errors)")
            try site.run("copy")
            let newer = try #require(site.connectors["copy"])
            try await waitUntil("the newer has its link", within: .seconds(20)) { newer.errors.contains("Link up") }
            // The older one's link goes with the tenant: it never beats again, and so no dispatcher sends it away.
            site.tenant?.signal(SIGTERM)
            _ = await site.tenant?.wait()
            try await site.serve()
            older.signal(SIGCONT)
            let ended = await older.wait()
            #expect(ended.status == 5, "\(ended.errors.suffix(800))")
            #expect(
                ended.errors.contains("another process with this identity") && ended.errors.contains("has come since"))
            try await site.waitUntilOnline(1)
            #expect(newer.isRunning)
            // Looking on takes nobody's place.
            let ping = try await site.postern(["ping"], of: "one")
            #expect(ping.status == 0, "\(ping.errors)")
            #expect(newer.isRunning)
            #expect(try await site.call("after").status == 200)
        }
    }
}
