import Foundation
import HTTPTypes
import NIOHTTP1
import Testing

/// Attempts through the relay: on the service's policy and headers, on other tenants, and with the service gone.
@Suite("Hostile input through the relay, end to end", .serialized, .timeLimit(.minutes(5)))
struct HostileInputRelayEndToEndTests {
    @Test("fields of the connection, of the host and of the caller's key do not reach the service")
    func headers() async throws {
        try await Site.with(connectors: ["one"]) { site in
            let base = "/v1/groups/site/services/app/open/"
            let key = ["-H", "Authorization: Bearer \(site.key)"]
            let fields = [
                "Connection: x-foo, close", "X-Foo: 1", "X-Bar: 2", "TE: trailers", "Upgrade: h2c",
                "Host: evil.example",
            ]
            let answer = try await site.curl(base + "fields", key + fields.flatMap { ["-H", $0] })
            #expect(answer.status == 200, "\(answer)")
            let head = try #require(site.service.heads["/open/fields"])
            #expect(head.authority == "127.0.0.1:\(site.service.port)")
            #expect(head.headerFields.first { $0.name.canonicalName == "x-bar" }?.value == "2")
            for name in ["x-foo", "te", "upgrade", "authorization", "keep-alive", "proxy-connection"] {
                #expect(!head.headerFields.contains { $0.name.canonicalName == name }, "\(name) came through")
            }

            let chunked = try await site.curl(
                base + "chunked", key + ["-H", "Transfer-Encoding: chunked", "--data-binary", "twelve bytes"])
            #expect(chunked.status == 200, "\(chunked)")
            let other = try #require(site.service.heads["/open/chunked"])
            #expect(other.headerFields[.contentLength] == "12")
            #expect(other.headerFields[.transferEncoding] == nil)

            let both = try await RawConnection.open(port: site.port, tls: try site.tls())
            await both.send(
                "POST \(base)both HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(site.key)\r\n"
                    + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET \(base)second HTTP/1.1\r\n\r\n"
            )
            try await waitUntil("the two lengths are refused", within: .seconds(10)) { both.hasEnded }
            #expect(both.received.hasPrefix("HTTP/1.1 400"), "\(both.received)")

            let evil = [
                #"{"service":"app","path":"/open/evil","headers":{"X-A":"b\r\nX-Evil: 1"}}"#,
                #"{"service":"app","path":"/open/evil","headers":{"X-A\r\nX-Evil":"1"}}"#,
                #"{"service":"app","path":"/open/evil","headers":{"X Evil: 1\nX":"1"}}"#,
                #"{"service":"app","path":"/open/evil HTTP/1.1\r\nX-Evil: 1"}"#,
                #"{"service":"app","path":"/open/evil","method":"GET /open/evil HTTP/1.1\r\nX-Evil: 1\r\n\r\nGET"}"#,
                #"{"service":"app","path":"open/evil"}"#,
                #"{"service":"app\r\nX-Evil: 1","path":"/open/evil"}"#,
            ]
            for body in evil {
                let refused = try await site.http(
                    "POST", "/v1/groups/site/requests", headers: [("content-type", "application/json")], body: body)
                #expect([400, 403, 404].contains(refused.status) && refused.problem != nil, "\(body): \(refused)")
            }
            let encoded = try await site.curl(base + "%0d%0aX-Evil:%201", key)
            #expect(encoded.status == 403, "\(encoded)")
            #expect(Set(site.service.executions.keys) == ["/open/fields", "/open/chunked"])
            try await site.expectUnharmed()
            #expect(site.connectors["one"]?.isRunning == true)
        }
    }

    @Test("no spelling of a path gets around the policy")
    func paths() async throws {
        try await Site.with(connectors: ["one"]) { site in
            let spellings = [
                "/private", "/", "/open", "/OPEN/x", "//open/x", "/open//x", "/open/../private", "/open/./x",
                "/open/%2e%2e/private", "/open/%2E%2E%2Fprivate", "/open/..%2fprivate", "/open/%252e%252e/private",
                "/open/..;/private", "/open/.;a/x", "/open/..%5cprivate", "/open/x%00y", "/open/%c0%ae%c0%ae/private",
                "/open/x%0ay", "/open/%zz", "/%6fpen/../private", "/open/x/../../private", "/open/%2e/x",
            ]
            for spelling in spellings {
                let answer = try await site.curl(
                    "/v1/groups/site/services/app" + spelling,
                    ["--path-as-is", "-H", "Authorization: Bearer \(site.key)"])
                let body = #"{"service":"app","path":"\#(spelling)"}"#
                let json = try await site.http(
                    "POST", "/v1/groups/site/requests", headers: [("content-type", "application/json")], body: body)
                if ["/open"].contains(spelling) {
                    #expect(answer.status == 200 && json.status == 200, "\(spelling)")
                } else {
                    #expect(answer.status == 403 && answer.text.contains("denied_by_policy"), "\(spelling): \(answer)")
                    #expect(json.status == 403 && json.problem == "denied_by_policy", "\(spelling): \(json)")
                }
            }
            #expect(Set(site.service.executions.keys) == ["/open"])
            // What the tenant itself has cannot be reached by way of a service either.
            let up = try await site.curl(
                "/v1/groups/site/services/app/../../../../accounts",
                ["--path-as-is", "-H", "Authorization: Bearer \(site.key)"])
            #expect(up.status == 403, "\(up)")
            #expect(try await site.call("after").status == 200)
            try await site.expectUnharmed()
        }
    }

    @Test("nginx goes and comes back; the connector says so and stays")
    func targetDown() async throws {
        try await Site.with { site in
            let nginx = try Nginx(in: site.folder)
            try await nginx.start()
            try site.write(
                """
                services:
                  web:
                    kind: http
                    target: http://127.0.0.1:\(nginx.port)
                    allow:
                      - {methods: [GET, POST], paths: ["/open/**"]}
                """, to: "connector.yaml")
            try await site.addConnector("one")
            try await site.waitUntilOnline(1)
            let path = "/v1/groups/site/services/web/open/x"
            for _ in 1...2 {
                let up = try await site.http("GET", path)
                #expect(up.status == 200 && up.text == "nginx", "\(up)")
                await nginx.stop()
                for method in ["GET", "POST"] {
                    let begun = ContinuousClock.now
                    let down = try await site.http(method, path)
                    #expect(down.status == 502 && down.problem == "target_unreachable", "\(method): \(down)")
                    #expect(ContinuousClock.now - begun < .seconds(5))
                }
                try await nginx.start()
            }
            #expect(try await site.http("POST", path).status == 200)
            #expect(site.connectors["one"]?.isRunning == true)
            await nginx.stop()
            try await site.expectUnharmed()
        }
    }

    @Test("a tenant that is made while the port serves sees and reaches nothing of the other one")
    func otherTenant() async throws {
        try await Site.with(connectors: ["one"]) { site in
            let made = try await Program.run(
                "postern-tenant",
                [
                    "tenants", "create", "rival", "--state-dir", site.tenantFolder, "--admin-file",
                    site.path("rival.key"),
                ], in: site.folder)
            #expect(made.status == 0, "\(made.errors)")
            let admin = try site.read("rival.key").trimmingCharacters(in: .whitespacesAndNewlines)
            func rival(_ arguments: String...) async throws -> String {
                let result = try await Program.run(
                    "posternctl", arguments, in: site.folder,
                    environment: ["POSTERNCTL_CONFIG": site.path("rival.json")])
                #expect(result.status == 0, "\(arguments): \(result.errors)")
                return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
            }
            _ = try await rival("login", "--url", site.url, "--ca-pin", site.pin, "--key-file", site.path("rival.key"))
            #expect(try await rival("connectors", "list").contains("no connectors"))
            _ = try await rival("groups", "create", "site")
            _ = try await rival("accounts", "create", "gw", "--group", "site")
            let key = try await rival("apikeys", "create", "app", "--group", "site", "--quiet")
            let invitation = try await rival("enrollments", "create", "gw", "--quiet")

            // Before it has a connector of its own, the other's does not serve it.
            let alone = try await site.http(
                "GET", "/v1/groups/site/services/app/open/alone", key: .some(key), headers: [("postern-deadline", "5s")]
            )
            #expect(alone.status == 503 && alone.problem == "no_connector", "\(alone)")
            #expect(try await site.register("theirs", invitation).status == 0)
            try site.run("theirs")
            let presence = "/v1/groups/site/presence"
            try await waitUntil("the rival's connector is online", within: .seconds(20)) {
                try await site.http("GET", presence, key: .some(key)).text.contains(#""standing":"online""#)
            }
            let (own, theirs) = (try await site.connectorID(of: "one"), try await site.connectorID(of: "theirs"))
            let seen = try await site.http("GET", presence, key: .some(key)).text
            #expect(seen.contains(theirs) && !seen.contains(own))
            #expect(try await site.http("GET", presence).text.contains(theirs) == false)
            for number in 0..<20 {
                let answer = try await site.call("own-\(number)")
                #expect(answer.headers.first(name: "postern-connector") == "one")
                let other = try await site.http(
                    "GET", "/v1/groups/site/services/app/open/theirs-\(number)", key: .some(key))
                #expect(other.status == 200 && other.headers.first(name: "postern-connector") == "theirs", "\(other)")
            }

            #expect(try await site.ctl(["groups", "create", "secret"]).status == 0)
            let enrollment = try await site.enroll()
            let hidden = [
                ("GET", "/v1/connectors/\(own)"), ("POST", "/v1/connectors/\(own)/revoke"),
                ("GET", "/v1/groups/secret"),
                ("DELETE", "/v1/groups/secret"), ("GET", "/v1/enrollments/\(enrollment.id)"),
                ("DELETE", "/v1/enrollments/\(enrollment.id)"),
            ]
            for (method, path) in hidden {
                let answer = try await site.http(method, path, key: .some(admin))
                #expect(answer.status == 404 && answer.problem == "not-found", "\(method) \(path): \(answer)")
                let program = try await site.http(method, path, key: .some(key))
                #expect(program.status == 403 && program.problem == "not-permitted", "\(method) \(path): \(program)")
            }
            for path in ["/v1/connectors", "/v1/groups", "/v1/accounts", "/v1/enrollments", "/v1/apikeys"] {
                let list = try await site.http("GET", path, key: .some(admin))
                #expect(list.status == 200 && !list.text.contains(own) && !list.text.contains("secret"), "\(list)")
                #expect(!list.text.contains(enrollment.id))
            }
            for secret in [key, admin] {
                let reached = try await site.http("GET", "/v1/groups/secret/services/app/open/x", key: .some(secret))
                #expect([401, 404].contains(reached.status), "\(reached)")
            }
            #expect(try await site.call("still").status == 200)
            #expect(try await site.enrollments()[enrollment.id]?.state == "open")
            try await site.expectUnharmed()
        }
    }
}
