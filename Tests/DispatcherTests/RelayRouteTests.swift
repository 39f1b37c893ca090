import Dispatcher
import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import HTTPProblems
import RelayFormat
import Testing

@Suite("The API that relays requests as they are", .serialized, .timeLimit(.minutes(1)))
struct RelayRouteTests {
    private static func name(_ text: String) throws -> HTTPField.Name { try #require(HTTPField.Name(text)) }

    @Test("method, path, query, fields and body reach the service, and its answer comes back")
    func relays() async throws {
        let harness = RoutesHarness { content in
            .http(
                .init(
                    status: 418,
                    headers: [.init("X-Answer", "yes"), .init("Set-Cookie", "a=1"), .init("Set-Cookie", "b=2")],
                    body: content.body))
        }
        try await harness.run { client, service in
            let response = try await client.send(
                "/v1/groups/site/services/echo/reports/2026?q=1&r=2", .post,
                headers: [.accept: "text/plain", .contentType: "text/x", try Self.name("X-Own"): "kept"],
                body: "the body")
            #expect(response.status.code == 418)
            #expect(response.text == "the body")
            #expect(response.field("X-Answer") == "yes")
            #expect(response.headers[values: .setCookie] == ["a=1", "b=2"])
            let request = try #require(service.received.first)
            #expect(request.method == "POST")
            #expect(request.target == "/reports/2026?q=1&r=2")
            #expect(request.body == Array("the body".utf8)[...])
            #expect(request.headers.contains { $0.isNamed("accept") && $0.value == "text/plain" })
            #expect(request.headers.contains { $0.isNamed("content-type") && $0.value == "text/x" })
            #expect(request.headers.contains { $0.isNamed("x-own") && $0.value == "kept" })
        }
    }

    @Test("each method is relayed", arguments: [HTTPRequest.Method.get, .head, .post, .put, .patch, .delete, .options])
    func methods(method: HTTPRequest.Method) async throws {
        try await RoutesHarness().run { client, service in
            let response = try await client.send("/v1/groups/site/services/echo/x", method)
            #expect(response.status == .ok)
            #expect(service.received.map(\.method) == [method.rawValue])
        }
    }

    @Test(
        "the path stays as it was written, to the last percent sign",
        arguments: [
            ("", "/"), ("/", "/"), ("/a%2Fb", "/a%2Fb"), ("/%41%7e", "/%41%7e"), ("/a//b/", "/a//b/"),
            ("/a/../b", "/a/../b"),
            ("/%2e%2e/x", "/%2e%2e/x"), ("?x=1", "/?x=1"), ("/?", "/?"), ("/a?b=%2F&c=d?e", "/a?b=%2F&c=d?e"),
            ("/a+b;c=d", "/a+b;c=d"), ("/services/echo/x", "/services/echo/x"),
        ])
    func rawPath(path: String, target: String) async throws {
        try await RoutesHarness().run { client, service in
            let response = try await client.send("/v1/groups/site/services/echo\(path)")
            #expect(response.status == .ok)
            #expect(service.received.map(\.target) == [target])
        }
    }

    @Test("the answer says which request it was, who answered and at which attempt")
    func answerFields() async throws {
        try await RoutesHarness().run { client, _ in
            let response = try await client.send("/v1/groups/site/services/echo/")
            #expect(response.field("Postern-Request-Id").flatMap { RequestID($0) } != nil)
            #expect(response.field("Postern-Connector") == "one")
            #expect(response.field("Postern-Attempt") == "1")
        }
    }

    @Test("the service cannot speak for the tenant, nor break the framing of the answer")
    func hostileFields() async throws {
        let harness = RoutesHarness { _ in
            .http(
                .init(
                    status: 200,
                    headers: [
                        .init("Postern-Connector", "forged"), .init("postern-request-id", "forged"),
                        .init("Content-Length", "9999"), .init("Transfer-Encoding", "chunked"),
                        .init("Connection", "close, X-Hop"), .init("X-Hop", "1"), .init("X-Kept", "1"),
                    ], body: []))
        }
        try await harness.run { client, _ in
            let response = try await client.send("/v1/groups/site/services/echo/")
            #expect(response.headers[values: try Self.name("Postern-Connector")] == ["one"])
            #expect(response.field("Postern-Request-Id") != "forged")
            #expect(response.headers[values: .contentLength].allSatisfy { $0 == "0" })
            #expect(response.headers[.transferEncoding] == nil)
            #expect(response.headers[.connection] == nil)
            #expect(response.field("X-Hop") == nil)
            #expect(response.field("X-Kept") == "1")
        }
    }

    @Test("HEAD keeps the length that the service states")
    func head() async throws {
        let harness = RoutesHarness { _ in
            .http(.init(status: 200, headers: [.init("Content-Length", "1234")], body: []))
        }
        try await harness.run { client, _ in
            let response = try await client.send("/v1/groups/site/services/echo/", .head)
            #expect(response.headers[.contentLength] == "1234")
        }
    }

    // MARK: Keys

    @Test("an Authorization that was the API key stays with the tenant")
    func authorizationStripped() async throws {
        try await RoutesHarness().run { client, service in
            let response = try await client.send("/v1/groups/site/services/echo/")
            #expect(response.status == .ok)
            #expect(service.received.first?.headers.contains { $0.isNamed("authorization") } == false)
        }
    }

    @Test("with Postern-Api-Key the Authorization is the service's, and no field of ours is relayed")
    func ownKeyField() async throws {
        try await RoutesHarness().run { client, service in
            let response = try await client.send(
                "/v1/groups/site/services/echo/",
                headers: [
                    .authorization: "Basic c2VydmljZQ==", try Self.name("Postern-Api-Key"): "site-key",
                    try Self.name("Postern-Deadline"): "5s", try Self.name("Postern-Class"): "once",
                    try Self.name("Postern-Anything"): "1",
                ], key: nil)
            #expect(response.status == .ok)
            let headers = try #require(service.received.first).headers
            #expect(headers.contains { $0.isNamed("authorization") && $0.value == "Basic c2VydmljZQ==" })
            #expect(!headers.contains { $0.name.lowercased().hasPrefix("postern-") })
            #expect(!headers.contains { $0.value.contains("site-key") })
        }
    }

    @Test(
        "without a key that we know, nothing is said but that",
        arguments: [
            nil, "", "Bearer", "Bearer ", "Bearer wrong", "Basic c2l0ZS1rZXk=", "site-key", "bearer  site-key",
        ])
    func unauthorized(value: String?) async throws {
        try await RoutesHarness().run { client, service in
            var headers = HTTPFields()
            if let value { headers[.authorization] = value }
            for path in [
                "/v1/groups/site/services/echo/", "/v1/groups/none/services/echo/", "/v1/groups/site/presence",
            ] {
                let response = try await client.send(path, headers: headers, key: nil)
                #expect(response.status == .unauthorized)
                #expect(response.headers[.wwwAuthenticate] == "Bearer")
                #expect(response.headers[.contentType] == ProblemDetails.mediaType)
                #expect(try response.problem().code == "invalid-credentials")
            }
            #expect(service.received.isEmpty)
        }
    }

    @Test("the scheme is read without regard to case (RFC 9110 section 11.1)")
    func schemeCase() async throws {
        try await RoutesHarness().run { client, _ in
            let response = try await client.send(
                "/v1/groups/site/services/echo/", headers: [.authorization: "bEARER site-key"], key: nil)
            #expect(response.status == .ok)
        }
    }

    @Test("a group that the key does not open does not exist, whoever's it is")
    func foreignGroup() async throws {
        try await RoutesHarness().run { client, service in
            for (group, key) in [("theirs", "site-key"), ("none", "site-key"), ("site", "other-tenant")] {
                let response = try await client.send("/v1/groups/\(group)/services/echo/", key: key)
                #expect(response.status == .notFound)
                #expect(try response.problem().code == "not-found")
                #expect(try await client.send("/v1/groups/\(group)/presence", key: key).status == .notFound)
                #expect(try await client.call(#"{"service": "echo"}"#, group: group, key: key).status == .notFound)
            }
            #expect(service.received.isEmpty)
        }
    }

    @Test("a service that the key does not open is forbidden, however its name is written")
    func foreignService() async throws {
        try await RoutesHarness().run { client, service in
            for name in ["echo", "%65cho"] {
                let response = try await client.send("/v1/groups/site/services/\(name)/", key: "second-only")
                #expect(response.status == .forbidden)
                #expect(try response.problem().code == "not-permitted")
            }
            #expect(try await client.call(#"{"service": "echo"}"#, key: "second-only").status == .forbidden)
            #expect(try await client.send("/v1/groups/site/services/second/", key: "second-only").status == .ok)
            #expect(service.received.count == 1)
        }
    }

    @Test(
        "slashes and dots lead from no group or service into another",
        arguments: [
            "/v1/groups/theirs/services/echo/../../../site/services/echo/",
            "/v1/groups/site%2Fservices%2Fecho/services/x/",
            "/v1//groups/site/services/echo/", "/v1/groups//site/services/echo/", "/v1/groups/site/services//echo/",
            "/v1/groups/site/services/%2e%2e/", "/v1/groups/../groups/site/services/echo/",
            "/v1/groups/%00/services/echo/",
            "/v1/groups/%ff/services/echo/",
        ])
    func pathTricks(path: String) async throws {
        try await RoutesHarness().run { client, service in
            let response = try await client.send(path)
            #expect((400..<500).contains(response.status.code))
            #expect(service.received.isEmpty)
        }
    }

    // MARK: Limits

    @Test("a body of 256 KiB is relayed, and one byte more is refused before anything is sent")
    func bodies() async throws {
        try await RoutesHarness().run { client, service in
            let full = String(repeating: "x", count: RelayLimits.inlineBody)
            let response = try await client.send("/v1/groups/site/services/echo/", .post, body: full)
            #expect(response.status == .ok)
            #expect(response.body.readableBytes == RelayLimits.inlineBody)
            let tooLarge = try await client.send("/v1/groups/site/services/echo/", .post, body: full + "y")
            #expect(tooLarge.status == .contentTooLarge)
            let problem = try tooLarge.problem()
            #expect(problem.code == "payload-too-large")
            #expect(problem.detail.contains("262144"))
            #expect(service.received.count == 1)
        }
    }

    @Test("what no connector could take is refused at once, not left to its deadline")
    func unrelayable() async throws {
        try await RoutesHarness().run { client, service in
            let long = "/v1/groups/site/services/echo/" + String(repeating: "a", count: RelayLimits.requestTarget)
            #expect(try await client.send(long).status == .badRequest)
            let many = try await client.send(
                "/v1/groups/site/services/echo/",
                headers: [try Self.name("X-Large"): String(repeating: "v", count: RelayLimits.httpHeaders)])
            #expect(many.status == .badRequest)
            #expect(try many.problem().code == "malformed-request")
            #expect(service.received.isEmpty)
        }
    }

    @Test(
        "a deadline is read as people write it, and refused with its form",
        arguments: [
            ("5s", 200), ("5500ms", 200), ("30", 200), ("10m", 200), ("0", 400), ("0s", 400), ("-1s", 400),
            ("soon", 400),
            ("", 400), ("11m", 400), ("5 s", 400), ("1e3", 400), ("99999999999", 400),
        ])
    func deadlines(text: String, status: Int) async throws {
        try await RoutesHarness().run { client, _ in
            let response = try await client.send(
                "/v1/groups/site/services/echo/", headers: [try Self.name("Postern-Deadline"): text])
            #expect(response.status.code == status)
            if status == 400 { #expect(try response.problem().code == "malformed-request") }
        }
    }

    @Test("a deadline ends the wait, with what is known by then")
    func deadlinePasses() async throws {
        let harness = RoutesHarness { content in
            if content.target == "/slow" { try? await Task.sleep(for: .seconds(30)) }
            return .http(.init(status: 200, headers: [], body: []))
        }
        try await harness.run { client, _ in
            let ready = try await client.send("/v1/groups/site/services/echo/")
            #expect(ready.status == .ok)
            let headers: HTTPFields = [try Self.name("Postern-Deadline"): "800ms"]
            let safe = try await client.send("/v1/groups/site/services/echo/slow", headers: headers)
            #expect(safe.status == .gatewayTimeout)
            #expect(try safe.problem().code == "deadline_exceeded")
            let once = try await client.send("/v1/groups/site/services/echo/slow", .post, headers: headers)
            #expect(once.status == .badGateway)
            #expect(try once.problem().code == "outcome_unknown")
        }
    }

    @Test(
        "a class may be stricter than the method's, never laxer",
        arguments: [
            ("GET", "once", 200), ("GET", "keyed", 200), ("GET", "safe", 200), ("PUT", "once", 200),
            ("PUT", "keyed", 200),
            ("PUT", "safe", 400), ("POST", "once", 200), ("POST", "keyed", 400), ("POST", "safe", 400),
            ("GET", "Safe", 400),
            ("GET", "", 400), ("GET", "whatever", 400),
        ])
    func classes(method: String, name: String, status: Int) async throws {
        try await RoutesHarness().run { client, _ in
            let response = try await client.send(
                "/v1/groups/site/services/echo/", try #require(HTTPRequest.Method(method)),
                headers: [try Self.name("Postern-Class"): name])
            #expect(response.status.code == status)
        }
    }

    // MARK: Failures

    @Test(
        "each failure is a problem with its status, the request's id, and when to try again",
        arguments: [
            (RequestFailure.Code.noConnector, 503, "no_connector", true, Optional("5")),
            (.deadlineExceeded, 504, "deadline_exceeded", true, nil),
            (.deniedByPolicy, 403, "denied_by_policy", false, nil),
            (.serviceUnknown, 404, "service_unknown", false, nil),
            (.targetUnreachable, 502, "target_unreachable", true, nil),
            (.outcomeUnknown, 502, "outcome_unknown", false, nil), (.overloaded, 429, "overloaded", true, "1"),
            (.responseTooLarge, 502, "response_too_large", false, nil),
            (.targetFailed, 502, "target_failed", false, nil),
        ])
    func failures(
        code: RequestFailure.Code, status: Int, name: String, isRetryable: Bool, retryAfter: String?
    ) async throws {
        let harness = RoutesHarness { _ in .failed(RequestFailure(code, "what was seen")) }
        try await harness.run { client, _ in
            let relayed = try await client.send("/v1/groups/site/services/echo/")
            let called = try await client.call(#"{"service": "echo"}"#)
            for response in [relayed, called] {
                #expect(response.status.code == status)
                #expect(response.headers[.contentType] == "application/problem+json")
                #expect(response.headers[.cacheControl] == "no-store")
                #expect(response.headers[.retryAfter] == retryAfter)
                let problem = try response.problem()
                #expect(problem.code == name)
                #expect(problem.status == status)
                #expect(problem.retryable == isRetryable)
                #expect(problem.detail == "what was seen")
                #expect(problem.instance != nil)
                #expect(problem.instance == response.field("Postern-Request-Id"))
                #expect(response.field("Postern-Connector") == "one")
            }
        }
    }

    @Test("a service that nobody offers is unknown")
    func unknownService() async throws {
        try await RoutesHarness().run { client, _ in
            _ = try await client.send("/v1/groups/site/services/echo/")
            let response = try await client.send("/v1/groups/site/services/nothing/")
            #expect(response.status == .notFound)
            #expect(try response.problem().code == "service_unknown")
            #expect(response.field("Postern-Attempt") == "0")
        }
    }
}
