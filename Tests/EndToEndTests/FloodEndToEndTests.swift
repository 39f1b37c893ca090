import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization
import Testing

/// Renewals while the enrollment port is flooded from their own address, with credentials of every kind and slow heads.
@Suite("End to end: flood", .serialized, .timeLimit(.minutes(5)))
struct FloodEndToEndTests {
    /// What the flood was answered.
    private final class Tally: Sendable {
        private struct State {
            var statuses: [Int: Int] = [:]
            var delays: [Int] = []
        }
        private let state = Mutex(State())

        var statuses: [Int: Int] { state.withLock { $0.statuses } }
        /// What was said in `Retry-After`, in the order of the answers.
        var delays: [Int] { state.withLock { $0.delays } }

        func count(_ answer: Site.Answer) {
            let delay = answer.headers.first(name: "retry-after").flatMap(Int.init)
            state.withLock { state in
                state.statuses[answer.status, default: 0] += 1
                if let delay, state.delays.count < 100_000 { state.delays.append(delay) }
            }
        }
    }

    /// A call of the flood.
    private struct Blow: Sendable {
        var path: String
        var key: String?
        var body: String
        var isMember = false
    }

    @Test("renewals are answered within bounds, nothing fails, and the alarm is on record")
    func flooded() async throws {
        try await Site.with(tenantEnvironment: [:]) { site in
            let metrics = try Loopback.freePort()
            try await site.restartTenant(["--metrics", "127.0.0.1:\(metrics)"])
            let names = ["one", "two", "three", "four"]
            for name in names + ["greedy"] {
                #expect(try await site.register(name, try await site.invite()).status == 0)
            }
            let quiet = try await renew(names, rounds: 5, site)
            let secret = try #require(try await site.enroll().secret)
            let blows = [
                Blow(path: "/v1/enrollments/nonces", key: "pse_wrong", body: "{}"),
                Blow(path: "/v1/enrollments/nonces", key: secret, body: "{}"),
                Blow(path: "/v1/enrollments", key: secret, body: #"{"csr":"nonsense"}"#),
                Blow(path: "/v1/certificates/renew", body: #"{"csr":"nonsense","generation":1}"#),
                Blow(path: "/v1/certificates/renew", body: #"{"csr":"nonsense","generation":1}"#, isMember: true),
                Blow(path: "/v1/queue-credentials", body: "{}", isMember: true),
                Blow(path: "/oauth2/token", body: "{}"),
                Blow(path: "/v1/accounts", key: "psa_wrong", body: "{}"),
            ]
            let member = HTTPClient(
                eventLoopGroupProvider: .singleton,
                configuration: .init(
                    tlsConfiguration: try site.tls(
                        certificate: site.state("greedy") + "/certificate.pem", key: site.state("greedy") + "/key.pem"))
            )
            let tally = Tally()
            let outcome: Result<[Duration], any Error>
            do {
                outcome = .success(try await flood(blows, site, member, tally))
            } catch { outcome = .failure(error) }
            try await member.shutdown()
            let busy = try outcome.get()

            let (statuses, delays) = (tally.statuses, tally.delays)
            print(
                "renewals with their process: quiet p99 \(quiet[quiet.count * 99 / 100]), flooded"
                    + " p50 \(busy[busy.count / 2]), p99 \(busy[busy.count * 99 / 100]) of \(busy.count);"
                    + " the flood was answered \(statuses.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" })")
            // With the start of a process in each, beside the flooder, on as few cores as there are.
            #expect(busy[busy.count * 99 / 100] < .seconds(5))
            #expect(statuses.keys.allSatisfy { $0 < 500 }, "\(statuses)")
            #expect(statuses[429, default: 0] > 500, "\(statuses)")
            #expect((delays.max() ?? 0) > (delays.first ?? 0), "the delay grows")

            let strangers = try await Program.run(
                "postern-tenant", ["audit", "export", "installation", "--state-dir", site.tenantFolder], in: site.folder
            ).output
            #expect(strangers.contains("credentials.alarm"))
            #expect(strangers.split(separator: "\n").count < 60, "a flood is a few rows")
            #expect(site.tenant?.errors.contains("Credentials fail again and again") == true)
            let text = try await Program.run(
                "curl", ["-sS", "http://127.0.0.1:\(metrics)/metrics"], in: site.folder
            ).output
            for (scope, kind) in [("failures", "registration"), ("principal", "member"), ("principal", "registration")]
            {
                let line = "postern_enrollment_limited_total{class=\"\(kind)\",scope=\"\(scope)\"} "
                #expect(text.contains(line) && !text.contains(line + "0\n"), "\(line)")
            }
            #expect(text.contains(/postern_enrollment_credential_alarms_total [1-9]/))
            // Who administers, and whoever is new, is served while the floods of others still have to wait.
            #expect(try await site.ctl(["groups", "list"]).status == 0)
            try await site.expectUnharmed()
        }
    }

    /// Floods the port and renews meanwhile; returns how long renewals took, the quickest first.
    private func flood(
        _ blows: [Blow], _ site: Site, _ member: HTTPClient, _ tally: Tally
    ) async throws -> [Duration] {
        var plain = try site.tls()
        plain.applicationProtocols = ["http/1.1"]
        var slow: [RawConnection] = []
        for _ in 0..<100 {
            let connection = try await RawConnection.open(port: site.port, tls: plain)
            await connection.send("POST /v1/enrollments HTTP/1.1\r\nHost: local")
            slow.append(connection)
        }
        let times = try await withThrowingTaskGroup { group in
            for blow in blows + blows + blows {
                group.addTask {
                    while !Task.isCancelled {
                        let answer = try? await Self.send(blow, site, member)
                        if let answer { tally.count(answer) }
                    }
                }
            }
            try await waitUntil("the limits hold", within: .seconds(30)) { tally.statuses[429, default: 0] > 500 }
            let times = try await renew(["one", "two", "three", "four"], rounds: 15, site)
            group.cancelAll()
            return times
        }
        try await waitUntil("the slow heads are closed", within: .seconds(30)) { slow.allSatisfy(\.hasEnded) }
        return times
    }

    private static func send(_ blow: Blow, _ site: Site, _ member: HTTPClient) async throws -> Site.Answer {
        let headers = [("content-type", "application/json")]
        guard blow.isMember else {
            return try await site.http(
                "POST", blow.path, key: .some(blow.key), headers: headers, body: blow.body, timeout: .seconds(20))
        }
        var request = HTTPClientRequest(url: site.url + blow.path)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(ByteBuffer(string: blow.body))
        let response = try await member.execute(request, timeout: .seconds(20))
        let content = try await response.body.collect(upTo: 1 << 16)
        return Site.Answer(
            status: Int(response.status.code), headers: response.headers, text: String(buffer: content))
    }

    /// Renews the connectors side by side, again and again, each with a process of its own.
    private func renew(_ names: [String], rounds: Int, _ site: Site) async throws -> [Duration] {
        try await withThrowingTaskGroup(of: [Duration].self) { group in
            for name in names {
                group.addTask {
                    var times: [Duration] = []
                    for _ in 0..<rounds {
                        let begun = ContinuousClock.now
                        let rotated = try await site.postern(["rotate"], of: name)
                        times.append(.now - begun)
                        #expect(rotated.status == 0, "\(name): \(rotated)")
                    }
                    return times
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }.sorted()
        }
    }
}
