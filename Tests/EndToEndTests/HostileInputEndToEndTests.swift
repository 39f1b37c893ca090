import Foundation
import HTTPTypes
import NIOHTTP1
import Testing

/// Input that nobody should send: it gets a clear answer, harms nobody else, and the tenant's process goes on.
@Suite("Hostile input end to end", .serialized, .timeLimit(.minutes(5)))
struct HostileInputEndToEndTests {
    @Test("bodies that are malformed, of another form or too large are refused by name")
    func bodies() async throws {
        try await Site.with { site in
            let secret = try await site.enroll().secret
            func expectRefused(
                _ body: String, _ status: Int, _ problem: String, says words: String = "",
                path: String = "/v1/enrollments",
                key: String?? = .none, headers: [String: String] = ["content-type": "application/json"],
                _ location: SourceLocation = #_sourceLocation
            ) async throws {
                let answer = try await site.http(
                    "POST", path, key: key ?? .some(secret), headers: headers.map { ($0.key, $0.value) }, body: body)
                #expect(answer.status == status && answer.problem == problem, "\(answer)", sourceLocation: location)
                #expect(answer.headers["content-type"] == ["application/problem+json"], sourceLocation: location)
                #expect(words.isEmpty || answer.text.contains(words), "\(answer.text)", sourceLocation: location)
                try await site.expectUnharmed(location)
            }
            for body in [#"{"csr":"#, "[]", #""text""#, "null", "{\"csr\":\"\u{0}\"}", "\u{feff}{", "{}}"] {
                try await expectRefused(body, 400, "malformed-request")
            }
            try await expectRefused(
                #"{"csr":"# + String(repeating: "[", count: 30_000), 400, "malformed-request")
            try await expectRefused("{}", 400, "malformed-request", says: "“csr” is missing")
            try await expectRefused(#"{"csr":1}"#, 400, "malformed-request", says: "“csr” cannot be read")
            try await expectRefused(#"{"csr":"x","groups":["all"]}"#, 400, "malformed-request", says: "“groups”")
            try await expectRefused(
                #"{"csr":"x"}"#, 415, "unsupported-media-type", headers: ["content-type": "text/plain"])
            let large = #"{"csr":"\#(String(repeating: "x", count: 64 * 1024))"}"#
            try await expectRefused(large, 413, "payload-too-large", says: "65536")

            let requests = "/v1/groups/site/requests"
            try await expectRefused(#"{"service":"#, 400, "malformed-request", path: requests, key: .some(site.key))
            try await expectRefused(
                #"{"path":"/"}"#, 400, "malformed-request", says: "service", path: requests, key: .some(site.key))
            try await expectRefused(
                String(repeating: "x", count: 512 * 1024 + 1), 413, "payload-too-large", path: requests,
                key: .some(site.key))
            // Without an announced length as well.
            let file = try site.write(String(repeating: "x", count: 256 * 1024 + 1), to: "large")
            for (path, key) in [("/v1/groups/site/services/app/open/x", site.key), ("/v1/enrollments", secret ?? "")] {
                let answer = try await site.curl(
                    path,
                    [
                        "--data-binary", "@\(file)", "-H", "Transfer-Encoding: chunked", "-H", "Expect:", "-H",
                        "Content-Type: application/json", "-H", "Authorization: Bearer \(key)",
                    ])
                #expect(answer.status == 413 && answer.text.contains("problem:payload-too-large"), "\(answer)")
                try await site.expectUnharmed()
            }
            #expect(try await site.register("one", try await site.invite()).status == 0)
        }
    }

    @Test("unknown paths, wrong methods, bad credentials and garbage are answered or cut, and the port serves on")
    func garbage() async throws {
        try await Site.with { site in
            let lost = try await site.http("GET", "/v2/anything")
            #expect(lost.status == 404 && lost.problem == "not-found")
            let wrong = try await site.http("DELETE", "/v1/enrollments/nonces")
            #expect(wrong.status == 405 && wrong.problem == "method-not-allowed")
            #expect(wrong.headers["allow"] == ["POST"])
            let link = try await site.http("GET", "/v1/link")
            #expect(link.status == 426 && link.problem == "upgrade-required")
            for value in [
                "Bearer", "Basic cm9vdDpyb290", "Bearer psa_a", "Bearer " + String(repeating: "x", count: 9000),
            ] {
                for path in ["/v1/accounts", "/v1/groups/site/presence"] {
                    let refused = try await site.http("GET", path, key: .some(nil), headers: [("authorization", value)])
                    #expect(refused.status == 401 && refused.problem == "invalid-credentials", "\(path): \(value)")
                }
            }
            let host = "Host: localhost\r\n"
            let inside = [
                "\u{1}\u{2}\u{3}garbage\r\n\r\n", "GET / HTTP/9.9\r\n\(host)\r\n",
                "GET /healthz HTTP/1.1\r\n\(host)X: \(String(repeating: "x", count: 100_000))\r\n\r\n",
                "POST /v1/enrollments HTTP/1.1\r\n\(host)Content-Length: -1\r\n\r\n",
                "POST /v1/enrollments HTTP/1.1\r\n\(host)Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "POST /v1/enrollments HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\nzz\r\n",
            ]
            for text in inside {
                let connection = try await RawConnection.open(port: site.port, tls: try site.tls())
                await connection.send(text)
                try await waitUntil("\(text.prefix(60)) is cut", within: .seconds(10)) { connection.hasEnded }
                #expect(
                    connection.received.isEmpty || connection.received.hasPrefix("HTTP/1.1 4"), "\(connection.received)"
                )
                try await site.expectUnharmed()
            }
            for text in ["GET /healthz HTTP/1.1\r\n\(host)\r\n", "\u{16}\u{3}\u{1}garbage\r\n", "SSH-2.0-x\r\n"] {
                let connection = try await RawConnection.open(port: site.port)
                await connection.send(text + String(repeating: "\u{0}", count: 20_000))
                try await waitUntil("\(text.prefix(20)) outside of TLS is cut", within: .seconds(15)) {
                    connection.hasEnded
                }
                #expect(!connection.received.contains("200 OK"))
                try await site.expectUnharmed()
            }
        }
    }

    @Test("who sends slowly is cut after its time, and nobody else waits for it")
    func slow() async throws {
        try await Site.with(connectors: ["one"]) { site in
            let secret = try await site.enroll().secret ?? ""
            func drip(_ head: String, _ text: String, tls: Bool = true) async throws -> (Duration, String) {
                let connection = try await RawConnection.open(port: site.port, tls: tls ? try site.tls() : nil)
                if !head.isEmpty { await connection.send(head) }
                let took = try await connection.drip(text, every: .milliseconds(250), atMost: .seconds(50))
                return (took, connection.received)
            }
            let rest = String(repeating: "a", count: 500)
            let head =
                "Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\nAuthorization: Bearer "
            async let silent = drip("", "", tls: false)
            async let slowHead = drip("", "GET /healthz HTTP/1.1\r\nX: " + rest)
            async let slowBody = drip("POST /v1/enrollments HTTP/1.1\r\n\(head)\(secret)\r\n\r\n", rest)
            async let slowCall = drip(
                "POST /v1/groups/site/services/app/open/slow HTTP/1.1\r\n\(head)\(site.key)\r\n\r\n", rest)

            let begun = ContinuousClock.now
            var served = 0
            while ContinuousClock.now - begun < .seconds(12) {
                let asked = ContinuousClock.now
                #expect(try await site.call("meanwhile-\(served)").status == 200)
                #expect(ContinuousClock.now - asked < .seconds(2))
                served += 1
                try await Task.sleep(for: .milliseconds(200))
            }
            #expect(served > 10)
            for (took, received) in [try await silent, try await slowHead] {
                #expect(took > .seconds(9) && took < .seconds(20), "\(took)")
                #expect(received.isEmpty || received.hasPrefix("HTTP/1.1 4"), "\(received)")
            }
            for (took, received) in [try await slowBody, try await slowCall] {
                #expect(took > .seconds(29) && took < .seconds(42), "\(took)")
                #expect(
                    received.hasPrefix("HTTP/1.1 408") && received.contains("problem:request-timeout"), "\(received)")
            }
            #expect(site.service.executions["/open/slow"] == nil)
            try await site.expectUnharmed()
        }
    }
}
