import Foundation
import NIOHTTP1
import Synchronization
import TestTools
import NIOHTTP1
import Testing

/// Two dispatchers of one installation, in processes of their own, on one Kafka: noida-db, or the real one that
/// `POSTERN_TEST_KAFKA` names.
@Suite(
    "Several dispatchers end to end", .serialized, .timeLimit(.minutes(5)),
    .enabled(
        if: GivenCluster.bootstrap != nil || NoidaServer.program != nil,
        "noida-db is missing: ops/test installs it (require_python)"))
struct SeveralDispatchersEndToEndTests {
    @Test("either is killed under load: no call of the other fails; what it had is there again when it is back")
    func killed() async throws {
        try await withSite { site, second in
            let (a, b) = (Calls(site, at: site.url), Calls(site, at: second.url))
            try await withThrowingTaskGroup { group in
                group.addTask { await a.run() }
                try await waitUntil("a answers", within: .seconds(30)) { a.answered > 50 }
                for round in 0..<2 {
                    group.addTask { await b.run() }
                    try await waitUntil("b answers", within: .seconds(30)) { b.answered > 50 * (round + 1) }
                    await second.kill()
                    await b.stop()
                    let before = a.answered
                    try await waitUntil("a goes on", within: .seconds(30)) { a.answered > before + 150 }
                    try await second.start()
                }
                await a.stop()
                #expect(a.failures.isEmpty, "\(a.failures.prefix(3))")
                #expect(a.slowest < .seconds(5), "\(a.slowest)")
                print("calls of the one that lived: \(a.answered), failed: \(a.failures.count), slowest: \(a.slowest)")

                // The other way round: the first one has the enrollment as well.
                group.addTask { await b.run() }
                let before = b.answered
                try await waitUntil("b answers", within: .seconds(30)) { b.answered > before + 50 }
                b.forgetFailures()
                site.tenant?.signal(SIGKILL)
                _ = await site.tenant?.wait()
                let dead = b.answered
                try await waitUntil("b goes on", within: .seconds(30)) { b.answered > dead + 150 }
                await b.stop()
                #expect(b.failures.isEmpty, "\(b.failures.prefix(3))")
                try await site.serve()
                #expect(try await site.call("after").status == 200)
                try await group.waitForAll()
            }
        }
    }

    @Test("each answers for the other, and a key is one request at both; while its home is down, nothing of it runs")
    func oneFace() async throws {
        try await withSite { site, second in
            // Submissions without a key stay where they came in.
            let held = try await submit(site, "held?hold=gate", at: second.url)
            try await waitUntil("it runs", within: .seconds(20)) { site.service.executions["/open/held"] == 1 }
            let why = try await site.http("GET", "/v1/requests/\(held)/why")
            #expect(why.status == 200)
            #expect(why.text.contains("Request \(held)"))
            let list = try await site.http("GET", "/v1/requests?limit=10")
            #expect(list.text.contains(held))

            // Keys have their homes at both; wherever they come in, they are one request.
            var homes: [String: String] = [:]
            for number in 0..<16 {
                let key = "key-\(number)"
                let ids = [
                    try await submit(site, "k-\(number)", key: key, at: site.url),
                    try await submit(site, "k-\(number)", key: key, at: second.url),
                ]
                #expect(ids[0] == ids[1])
                homes[key] = ids[0]
            }
            let prefix = String(held.prefix(6))
            let theirs = homes.filter { $0.value.hasPrefix(prefix) }
            #expect((1..<16).contains(theirs.count), "\(homes)")

            await second.kill()
            let lost = try await site.http("GET", "/v1/requests/\(held)")
            #expect(lost.status == 503)
            #expect(lost.problem == "instance-unreachable")
            #expect(lost.text.contains("\\\"b\\\""), "\(lost.text)")
            for number in 0..<16 {
                let key = "key-\(number)"
                let answer = try await post(site, "k-\(number)", key: key, at: site.url)
                let expected = theirs[key] == nil ? [200, 202] : [503]
                #expect(expected.contains(answer.status), "\(key) \(answer.text)")
            }
            let rest = try await site.http("GET", "/v1/requests?limit=100")
            #expect(rest.text.contains(#""missing_instances":["b"]"#))

            site.service.openGate()
            try await second.start()
            try await waitUntil("its submission has ended", within: .seconds(40)) {
                let answer = try await site.http("GET", "/v1/groups/site/submissions/\(held)")
                return answer.text.contains(#""state":"answered""#)
            }
            for (key, id) in homes {
                #expect(try await submit(site, key.replacing("key", with: "k"), key: key, at: site.url) == id)
            }
            #expect(site.service.executions.filter { $0.key.hasPrefix("/open/k-") }.count == 16)
            #expect(site.service.executions.values.allSatisfy { $0 == 1 }, "\(site.service.executions)")
        }
    }

    // MARK: Parts

    private func withSite(_ body: (Site, Second) async throws -> Void) async throws {
        guard GivenCluster.bootstrap == nil else {
            return try await withSite(options: try GivenCluster.options(), body)
        }
        try await NoidaServer.with { kafka in
            try await withSite(
                options: ["--broker", "kafka", "--bootstrap", kafka.bootstrap, "--replication", "1"], body)
        }
    }

    private func withSite(options: [String], _ body: (Site, Second) async throws -> Void) async throws {
        try await Site.with(connectors: ["one", "two"], logLevel: "info", initOptions: options) { site in
            let second = try Second(site)
            do {
                try await second.start()
                try await body(site, second)
            } catch {
                print("---- dispatcher b\n\(second.log.suffix(4000))")
                await second.kill()
                throw error
            }
            await second.kill()
        }
    }

    private func post(_ site: Site, _ path: String, key: String?, at url: String) async throws -> Site.Answer {
        let keyed = key.map { [("idempotency-key", $0)] } ?? []
        return try await site.http(
            "POST", "/v1/groups/site/submissions", headers: [("prefer", "wait=0")] + keyed,
            body: #"{"service": "app", "method": "POST", "path": "/open/\#(path)"}"#, at: url)
    }

    private func submit(_ site: Site, _ path: String, key: String? = nil, at url: String) async throws -> String {
        let answer = try await post(site, path, key: key, at: url)
        try #require([200, 202].contains(answer.status), "\(answer.text)")
        return try #require(answer.headers.first(name: "postern-request-id"))
    }
}

/// The second dispatcher's process.
private final class Second: @unchecked Sendable {
    // Changed by the test's own task alone.
    let url: String
    private let site: Site
    private let port: Int
    private var program: Program?

    init(_ site: Site) throws {
        self.site = site
        port = try Loopback.freePort()
        url = "https://localhost:\(port)"
    }

    var log: String { program?.errors ?? "" }

    /// Starts it, and waits until it sees both connectors.
    func start() async throws {
        program = try Program(
            "postern-tenant",
            [
                "serve", "--state-dir", site.tenantFolder, "--roles", "dispatcher", "--instance", "b", "--listen",
                "127.0.0.1:\(port)", "--log-level", "info",
            ], in: site.folder, as: "tenant-b", environment: [:])
        try await waitUntil("the second dispatcher sees the connectors", within: .seconds(30)) {
            guard let answer = try? await site.http("GET", "/v1/groups/site/presence", at: url) else { return false }
            return answer.text.components(separatedBy: "\"standing\":\"online\"").count - 1 == 2
        }
        try await waitUntil("it is in the register", within: .seconds(10)) {
            let listed = try await Program.run(
                "postern-tenant", ["instances", "list", "--state-dir", site.tenantFolder], in: site.folder)
            return listed.output.contains("b\trunning\t\(url)")
        }
    }

    func kill() async {
        program?.signal(SIGKILL)
        _ = await program?.wait()
    }
}

/// Calls to one of the dispatchers without a pause, eight at a time.
private final class Calls: Sendable {
    private struct State {
        var next = 0
        var answered = 0
        var running = 0
        var slowest = Duration.zero
        var failures: [String] = []
        var isStopped = false
    }

    private let site: Site
    private let url: String
    private let state = Mutex(State())

    init(_ site: Site, at url: String) {
        self.site = site
        self.url = url
    }

    var answered: Int { state.withLock { $0.answered } }
    var failures: [String] { state.withLock { $0.failures } }
    var slowest: Duration { state.withLock { $0.slowest } }

    func forgetFailures() { state.withLock { $0.failures = [] } }

    /// Stops, and waits until all calls have their answer, or have lost their dispatcher.
    func stop() async {
        state.withLock { $0.isStopped = true }
        for _ in 0..<3000 where state.withLock({ $0.running > 0 }) { try? await Task.sleep(for: .milliseconds(20)) }
    }

    func run() async {
        state.withLock { $0.isStopped = false }
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    while !self.state.withLock({ $0.isStopped }) { await self.callOnce() }
                }
            }
        }
    }

    private func callOnce() async {
        let number = state.withLock { state in
            state.next += 1
            state.running += 1
            return state.next
        }
        defer { state.withLock { $0.running -= 1 } }
        let method = number % 2 == 0 ? "GET" : "POST"
        let begun = ContinuousClock.now
        var failure: String?
        do {
            let path = "/v1/groups/site/services/app/open/load-\(number)?hold=10"
            let answer = try await site.http(method, path, at: url)
            if answer.status != 200 { failure = "\(method) \(number): \(answer.status) \(answer.text)" }
        } catch {
            failure = "\(method) \(number): \(error)"
        }
        let took = ContinuousClock.now - begun
        state.withLock { state in
            state.slowest = max(state.slowest, took)
            if let failure { state.failures.append(failure) } else { state.answered += 1 }
        }
    }
}
