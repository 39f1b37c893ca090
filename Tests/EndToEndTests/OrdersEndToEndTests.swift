import Foundation
import NIOHTTP1
import Testing

/// Drain, pause and resume, by command and from the tenant, and the end of a process whose place was taken.
@Suite("End to end: orders", .serialized, .timeLimit(.minutes(5)))
struct OrdersEndToEndTests {
    @Test("SIGTERM under load: no call fails, and the process ends with code 0")
    func terminated() async throws {
        try await Site.with(connectors: ["one", "two"]) { site in
            let load = SteadyLoad(site)
            try await load.run(until: { load.answered >= 300 }) {
                try await waitUntil("calls are answered", within: .seconds(10)) { load.answered >= 50 }
                site.connectors["one"]?.signal(SIGTERM)
                #expect(await site.connectors["one"]?.wait().status == 0)
            }
            #expect(load.failures.isEmpty, "\(load.failures)")
            #expect(site.service.executions.values.allSatisfy { $0 == 1 })
        }
    }

    @Test("postern drain under load: the long request is answered, no call fails, and the service ends with code 11")
    func drained() async throws {
        try await Site.with(connectors: ["one", "two"]) { site in
            // Both have a long request, so that the drained one surely has.
            async let first = site.call("long-1", holding: "gate", method: "POST")
            async let second = site.call("long-2", holding: "gate", method: "POST")
            try await waitUntil("both are held", within: .seconds(10)) { site.service.running == 2 }
            let load = SteadyLoad(site)
            var said = ""
            try await load.run(until: { load.answered >= 300 }) {
                try await waitUntil("calls are answered", within: .seconds(10)) { load.answered >= 50 }
                let drain = try Program(
                    "postern", ["drain", "--max", "60s", "--note", "new disks", "--state-dir", site.state("one")],
                    in: site.folder)
                try await site.waitUntilShown("one", readiness: "draining")
                #expect(site.connectors["one"]?.isRunning == true)
                let view = try await site.ctl(["connectors", "show", "one"])
                #expect(view.output.contains("new disks"), "\(view.output)")
                // The service's own answer, not the drain's limit, ends it.
                site.service.openGate()
                let result = await drain.wait()
                #expect(result.status == 0, "\(result.errors)")
                said = result.output
                #expect(await site.connectors["one"]?.wait().status == 11)
            }
            #expect(said.contains("drained: the service has ended"), "\(said)")
            for answer in [try await first, try await second] { #expect(answer.status == 200) }
            #expect(load.failures.isEmpty, "\(load.failures)")
            #expect(site.service.executions.values.allSatisfy { $0 == 1 })
        }
    }

    @Test("a drain gives up at its limit, and the service ends with code 11 all the same")
    func drainLimit() async throws {
        try await Site.with(connectors: ["one"]) { site in
            async let long = site.call("long", holding: "gate", method: "POST")
            try await waitUntil("it is held", within: .seconds(10)) { site.service.running == 1 }
            let drain = try await site.postern(["drain", "--max", "500ms"], of: "one")
            #expect(drain.status == 0, "\(drain.errors)")
            #expect(await site.connectors["one"]?.wait().status == 11)
            #expect(try await long.problem == "outcome_unknown")
            let again = try await site.postern(["drain"], of: "one")
            #expect(again.status == 8)
            #expect(again.errors.contains("no service runs"))
        }
    }

    @Test("a second SIGTERM ends a connector at once that still has a request")
    func secondSignal() async throws {
        try await Site.with(connectors: ["one"]) { site in
            async let long = site.call("long", holding: "gate")
            try await waitUntil("it is held", within: .seconds(10)) { site.service.running == 1 }
            let connector = try #require(site.connectors["one"])
            connector.signal(SIGTERM)
            try await waitUntil("it drains", within: .seconds(10)) {
                try await site.postern(["status"], of: "one").output.hasPrefix("draining")
            }
            let begun = ContinuousClock.now
            connector.signal(SIGTERM)
            #expect(await connector.wait().status == 0)
            #expect(ContinuousClock.now - begun < .seconds(5))
            _ = try await long
        }
    }

    @Test("a pause by command moves the work, survives a restart, and ends by itself or by resume")
    func paused() async throws {
        try await Site.with(connectors: ["one", "two"]) { site in
            let nameless = try await site.postern(["pause"], of: "one")
            #expect(nameless.status == 2 && nameless.errors.contains("--note"))
            let paused = try await site.postern(["pause", "--note", "patching", "--for", "1h"], of: "one")
            #expect(paused.status == 0 && paused.output.contains("paused until"), "\(paused.output)\(paused.errors)")
            try await site.waitUntilShown("one", readiness: "paused")
            let status = try await site.postern(["status"], of: "one")
            #expect(status.status == 1)
            #expect(status.output.hasPrefix("paused for"), "\(status.output)")
            #expect(status.output.contains("patching"))
            for number in 0..<20 {
                #expect(try await site.call("a-\(number)").headers.first(name: "postern-connector") == "two")
            }
            // A restart keeps it.
            site.connectors["one"]?.signal(SIGKILL)
            _ = await site.connectors["one"]?.wait()
            try site.run("one")
            try await site.waitUntilShown("one", readiness: "paused")
            let resumed = try await site.postern(["resume"], of: "one")
            #expect(resumed.status == 0, "\(resumed.errors)")
            try await site.waitUntilShown("one", readiness: "ready")
            #expect(!FileManager.default.fileExists(atPath: site.state("one") + "/pause.json"))
            // A short one ends by itself.
            #expect(try await site.postern(["pause", "--note", "short", "--for", "1s"], of: "one").status == 0)
            try await site.waitUntilShown("one", readiness: "paused")
            try await site.waitUntilShown("one", readiness: "ready")
        }
    }

    @Test("posternctl pauses, resumes and drains a connector, by its name, and says whether it obeys")
    func orderedFromTenant() async throws {
        try await Site.with(connectors: ["one", "two"]) { site in
            let paused = try await site.ctl(["connectors", "pause", "one", "--note", "their patch day", "--for", "1h"])
            #expect(paused.status == 0, "\(paused.errors)")
            #expect(paused.output.contains("yes") && paused.output.contains("paused"), "\(paused.output)")
            let view = try await site.ctl(["connectors", "show", "one"])
            #expect(view.output.contains("paused: it was told to take no work: their patch day"), "\(view.output)")
            #expect(view.output.contains("resume one"))
            let list = try await site.ctl(["connectors", "list"])
            #expect(list.output.contains("their patch day"))
            // What the tenant ordered is kept on the connector's side as well.
            try await waitUntil("the pause is kept", within: .seconds(10)) {
                FileManager.default.fileExists(atPath: site.state("one") + "/pause.json")
            }
            let resumed = try await site.ctl(["connectors", "resume", "one", "--output", "json"])
            #expect(resumed.status == 0 && resumed.output.contains("\"confirmed\" : true"), "\(resumed.output)")
            let id = try await site.connectorID(of: "two")
            let drained = try await site.ctl(["connectors", "drain", id, "--max", "5s", "--note", "moves house"])
            #expect(drained.status == 0, "\(drained.errors)")
            #expect(await site.connectors["two"]?.wait().status == 11)
            try await waitUntil("it counts as lost", within: .seconds(10)) {
                try await site.ctl(["connectors", "show", "two"]).output.contains("it has drained and ended")
            }
            let late = try await site.ctl(["connectors", "pause", "two", "--note", "too late"])
            #expect(late.status == 5 && late.errors.contains("connector-not-online"), "\(late.errors)")
            let unknown = try await site.ctl(["connectors", "drain", "three"])
            #expect(unknown.status == 4 && unknown.errors.contains("no connector"), "\(unknown.errors)")
            let caller = try await site.http("POST", "/v1/connectors/one/drain")
            #expect(caller.status == 401)
        }
    }

    @Test(
        "a second process on the same folder is refused; one on a copied folder takes over, and the older ends with 5")
    func replaced() async throws {
        try await Site.with(connectors: ["one"]) { site in
            _ = try await site.call("first")
            let second = try await Program.run(
                "postern", ["run", "--state-dir", site.state("one"), "--config", site.path("connector.yaml")],
                in: site.folder)
            #expect(second.status == 2)
            #expect(second.errors.contains("already runs"), "\(second.errors)")
            #expect(try await site.call("second").status == 200)

            let copied = try await Program.run("cp", ["-a", site.state("one"), site.state("copy")], in: site.folder)
            try #require(copied.status == 0, "\(copied.errors)")
            let older = try #require(site.connectors["one"])
            try site.run("copy")
            let ended = await older.wait()
            #expect(ended.status == 5)
            #expect(ended.errors.contains("another process with this identity"), "\(ended.errors.suffix(600))")
            try await site.waitUntilOnline(1)
            #expect(try await site.call("third").status == 200)
            #expect(site.connectors["copy"]?.isRunning == true)
            #expect(site.service.executions == ["/open/first": 1, "/open/second": 1, "/open/third": 1])
        }
    }

    @Test("status --watch prints what changes, and ends cleanly on SIGINT")
    func watch() async throws {
        try await Site.with(connectors: ["one"]) { site in
            let watch = try Program(
                "postern", ["status", "--watch", "--state-dir", site.state("one")], in: site.folder)
            try await waitUntil("it is online", within: .seconds(20)) { watch.output.contains("online: ") }
            #expect(try await site.postern(["pause", "--note", "patching"], of: "one").status == 0)
            try await waitUntil("it shows the pause", within: .seconds(10)) {
                watch.output.contains("paused: it was told to take no work: patching")
            }
            site.connectors["one"]?.signal(SIGKILL)
            _ = await site.connectors["one"]?.wait()
            try await waitUntil("it shows the end", within: .seconds(10)) { watch.output.contains("not running") }
            watch.signal(SIGINT)
            #expect(await watch.wait().status == 0)
            let lines = watch.output.split(separator: "\n")
            #expect(lines.count { $0.contains("tenant       ") } == 1, "unchanged lines are printed once")
        }
    }
}

extension Site {
    /// Waits until the dispatcher shows a connector with a readiness.
    func waitUntilShown(_ name: String, readiness: String) async throws {
        struct Presence: Decodable {
            struct Member: Decodable {
                var name: String
                var standing: String
                var readiness: String
            }
            var connectors: [Member]
        }
        try await waitUntil("\(name) is \(readiness)", within: .seconds(20)) {
            let answer = try await self.http("GET", "/v1/groups/site/presence")
            let presence = try JSONDecoder().decode(Presence.self, from: Data(answer.text.utf8))
            return presence.connectors.contains {
                $0.name == name && $0.standing == "online" && $0.readiness == readiness
            }
        }
    }
}
