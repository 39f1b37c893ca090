import Foundation
import NIOHTTP1
import Testing

/// Real processes on the loopback interface, from registration to the loss of a connector.
@Suite("End to end", .serialized, .timeLimit(.minutes(5)))
struct RelayEndToEndTests {
    @Test("a call goes through the queue to the service and says who answered")
    func call() async throws {
        try await Site.with(connectors: ["one"]) { site in
            let answer = try await site.call("hello")
            #expect(answer.status == 200)
            #expect(answer.text == "served /open/hello")
            #expect(answer.headers.first(name: "postern-connector") == "one")
            #expect(answer.headers.first(name: "postern-attempt") == "1")
            #expect(answer.headers.first(name: "postern-request-id")?.count == 26)
            let json = try await site.http(
                "POST", "/v1/groups/site/requests", headers: [("content-type", "application/json")],
                body: #"{"service":"app","path":"/open/json"}"#)
            #expect(json.status == 200)
            #expect(json.text.contains(#""body":"served /open/json""#))
            let command = try await site.ctl(["call", "site", "app", "/open/ctl", "--include"])
            #expect(command.status == 0)
            #expect(command.output.contains("served /open/ctl"))
            #expect(site.service.executions == ["/open/hello": 1, "/open/json": 1, "/open/ctl": 1])
        }
    }

    @Test("what the policy forbids, an unknown service, and a target that is down each get their own answer")
    func refusals() async throws {
        try await Site.with(connectors: ["one"]) { site in
            let denied = try await site.http("GET", "/v1/groups/site/services/app/private")
            #expect(denied.status == 403 && denied.problem == "denied_by_policy")
            let sneaky = try await site.http("GET", "/v1/groups/site/services/app/open/%2e%2e/private")
            #expect(sneaky.status == 403 && sneaky.problem == "denied_by_policy")
            let unknown = try await site.http("GET", "/v1/groups/site/services/other/")
            #expect(unknown.status == 404 && unknown.problem == "service_unknown")
            let down = try await site.http("GET", "/v1/groups/site/services/nowhere/")
            #expect(down.status == 502 && down.problem == "target_unreachable")
            let late = try await site.http(
                "GET", "/v1/groups/site/services/app/open/late?hold=3000", headers: [("postern-deadline", "300ms")])
            #expect(late.status == 504 && late.problem == "deadline_exceeded", "\(late)")
            let foreign = try await site.http("GET", "/v1/groups/other/services/app/open/x")
            #expect(foreign.status == 404)
            let stranger = try await site.http("GET", "/v1/groups/site/services/app/open/x", key: .some(nil))
            #expect(stranger.status == 401)
            let large = try await site.http(
                "POST", "/v1/groups/site/services/app/open/x", body: String(repeating: "x", count: 256 * 1024 + 1))
            #expect(large.status == 413)
            #expect(site.service.executions.keys.allSatisfy { $0 == "/open/late" })
        }
    }

    @Test("without a connector a call fails at once, and says who is missing since when")
    func noConnector() async throws {
        try await Site.with(connectors: ["one"]) { site in
            _ = try await site.call("first")
            site.connectors["one"]?.signal(SIGTERM)
            _ = await site.connectors["one"]?.wait()
            try await site.waitUntilOnline(0)
            try await waitUntil("the connector counts as lost", within: .seconds(10)) {
                let begun = ContinuousClock.now
                let answer = try await site.http(
                    "GET", "/v1/groups/site/services/app/open/x", headers: [("postern-deadline", "2s")])
                return answer.problem == "no_connector" && answer.status == 503
                    && ContinuousClock.now - begun < .milliseconds(500)
            }
        }
    }

    @Test("a connector that is killed with 64 calls in flight loses none, and costs at most a second")
    func killed() async throws {
        try await Site.with(connectors: ["one", "two"]) { site in
            let longest = try await site.loseWhileCalling("one", signal: SIGKILL, calls: 64)
            print("SIGKILL with 64 calls in flight: the last answer came \(longest) after it")
            #expect(longest <= .seconds(1))
        }
    }

    @Test("a connector that is stopped with 64 calls in flight loses none, and costs at most five seconds")
    func stopped() async throws {
        try await Site.with(connectors: ["one", "two"]) { site in
            let longest = try await site.loseWhileCalling("one", signal: SIGSTOP, calls: 64)
            print("SIGSTOP with 64 calls in flight: the last answer came \(longest) after it")
            #expect(longest <= .seconds(5))
        }
    }

    @Test("a connector that is told to stop finishes what it has")
    func terminated() async throws {
        try await Site.with(connectors: ["one", "two"]) { site in
            let longest = try await site.loseWhileCalling("one", signal: SIGTERM, calls: 64)
            #expect(longest <= .seconds(2))
            #expect(site.service.executions.values.allSatisfy { $0 == 1 })
            #expect(await site.connectors["one"]?.wait().status == 0)
        }
    }

    @Test("what is not safe runs once and is unknown when its connector is killed")
    func once() async throws {
        try await Site.with(connectors: ["one", "two"]) { site in
            async let first = site.call("post-a", holding: "3000", method: "POST")
            async let second = site.call("post-b", holding: "3000", method: "POST")
            try await waitUntil("both are held", within: .seconds(10)) { site.service.running == 2 }
            site.connectors["one"]?.signal(SIGKILL)
            site.connectors["two"]?.signal(SIGKILL)
            for answer in [try await first, try await second] {
                #expect(answer.status == 502 && answer.problem == "outcome_unknown")
            }
            #expect(site.service.executions == ["/open/post-a": 1, "/open/post-b": 1])
        }
    }

    @Test("the tenant is killed under load: connectors come back by themselves, nothing answered runs twice")
    func tenantKilled() async throws {
        try await Site.with(connectors: ["one", "two"]) { site in
            let calls = Task {
                await withTaskGroup(of: (String, Bool).self) { group in
                    for number in 0..<200 {
                        group.addTask {
                            let name = "load-\(number)"
                            try? await Task.sleep(for: .milliseconds(number * 5))
                            return (name, (try? await site.call(name, holding: "20").status) == 200)
                        }
                    }
                    var answered: Set<String> = []
                    for await (name, isAnswered) in group where isAnswered { answered.insert("/open/" + name) }
                    return answered
                }
            }
            try await waitUntil("calls run", within: .seconds(10)) { site.service.executions.count > 40 }
            site.tenant?.signal(SIGKILL)
            _ = await site.tenant?.wait()
            let answered = await calls.value
            try await site.serve()
            let back = ContinuousClock.now
            try await site.waitUntilOnline(2)
            let took = ContinuousClock.now - back
            print("After kill -9 of the tenant the connectors were back \(took) after it was ready")
            #expect(took <= .seconds(2))
            #expect(try await site.call("after").status == 200)
            let check = try await Program.run(
                "sqlite3", [site.tenantFolder + "/queue.sqlite", "PRAGMA integrity_check"], in: site.folder)
            #expect(check.output == "ok\n")
            let registry = try await Program.run(
                "sqlite3", [site.tenantFolder + "/registry.sqlite", "PRAGMA integrity_check"], in: site.folder)
            #expect(registry.output == "ok\n")
            let executions = site.service.executions
            for path in answered { #expect(executions[path] == 1, "\(path) ran \(executions[path] ?? 0) times") }
            #expect(!answered.isEmpty)
        }
    }

    @Test("a connector listens nowhere, and talks to the tenant and its targets alone")
    func sockets() async throws {
        try await Site.with(connectors: ["one"]) { site in
            _ = try await site.call("hello")
            let pid = try #require(site.connectors["one"]?.pid)
            let listening = try await Program.run("ss", ["-Htnlp"], in: site.folder)
            #expect(!listening.output.contains("pid=\(pid),"))
            let connected = try await Program.run("ss", ["-Htnp"], in: site.folder)
            let peers = connected.output.split(separator: "\n").filter { $0.contains("pid=\(pid),") }
                .compactMap { $0.split(separator: " ").dropFirst(4).first?.split(separator: ":").last }
            #expect(!peers.isEmpty)
            #expect(Set(peers.map(String.init)).subtracting(["\(site.port)", "\(site.service.port)"]).isEmpty)
        }
    }

    @Test("ping and status tell what was proven")
    func pingAndStatus() async throws {
        try await Site.with(connectors: ["one"]) { site in
            let state = ["--state-dir", site.state("one")]
            let ping = try await Program.run("postern", ["ping"] + state, in: site.folder)
            #expect(ping.status == 0 && ping.output.contains(" ms"))
            let status = try await Program.run("postern", ["status", "--json"] + state, in: site.folder)
            #expect(status.status == 0)
            #expect(status.output.contains(#""state" : "online""#))
            site.tenant?.signal(SIGKILL)
            _ = await site.tenant?.wait()
            try await waitUntil("the status says disconnected", within: .seconds(10)) {
                let status = try await Program.run("postern", ["status", "--json"] + state, in: site.folder)
                return status.status == 1 && status.output.contains(#""state" : "disconnected""#)
            }
            site.connectors["one"]?.signal(SIGTERM)
            _ = await site.connectors["one"]?.wait()
            let stopped = try await Program.run("postern", ["status"] + state, in: site.folder)
            #expect(stopped.status == 8 && stopped.output.contains("not running"))
        }
    }

    @Test("ping without a running service opens its own link")
    func pingAlone() async throws {
        try await Site.with { site in
            #expect(try await site.register("one", try await site.invite()).status == 0)
            let ping = try await Program.run("postern", ["ping", "--state-dir", site.state("one")], in: site.folder)
            #expect(ping.status == 0, "\(ping.output)\(ping.errors)")
            #expect(ping.output.contains(" ms"))
        }
    }
}

extension Site {
    /// Makes so many GET calls that wait in the service, sends a connector a signal while it has some of them, lets the
    /// service answer, and checks that all are answered.
    ///
    /// - Returns: how long after the signal the last answer came.
    func loseWhileCalling(_ name: String, signal number: Int32, calls: Int) async throws -> Duration {
        try await withThrowingTaskGroup(of: (String, Int).self) { group in
            for index in 0..<calls {
                group.addTask {
                    let answer = try await self.call("get-\(index)", holding: "gate")
                    return (answer.text, answer.status)
                }
            }
            try await waitUntil("all calls are in the service", within: .seconds(20)) { self.service.running == calls }
            connectors[name]?.signal(number)
            service.openGate()
            let begun = ContinuousClock.now
            for try await (text, status) in group { #expect(status == 200, "\(text)") }
            return ContinuousClock.now - begun
        }
    }
}
