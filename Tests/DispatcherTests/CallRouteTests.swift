import DispatcherProtocol
import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import HTTPProblems
import RelayFormat
import Testing

@Suite("The API for programs that prefer JSON", .serialized, .timeLimit(.minutes(1)))
struct CallRouteTests {
    private func answer(_ response: TestResponse) throws -> CallAnswer {
        try JSONDecoder().decode(CallAnswer.self, from: Data(response.body.readableBytesView))
    }

    @Test("a call is relayed and answered, all in JSON")
    func call() async throws {
        let harness = RoutesHarness { content in
            .http(
                .init(
                    status: 202, headers: [.init("X-A", "1"), .init("X-A", "2"), .init("Y", "3")], body: content.body))
        }
        try await harness.run { client, service in
            let response = try await client.call(
                """
                {"service": "echo", "method": "post", "path": "/a%2Fb?x=1", "headers": {"Accept": "text/x"},
                 "body": "grüße", "deadline_seconds": 5, "class": "once"}
                """)
            #expect(response.status == .ok)
            #expect(response.headers[.contentType] == "application/json")
            let answer = try answer(response)
            #expect(answer.status == 202)
            #expect(answer.body == "grüße")
            #expect(answer.bodyBase64 == nil)
            #expect(answer.headers == ["x-a": "1, 2", "y": "3"])
            #expect(answer.connector == "one")
            #expect(answer.attempt == 1)
            #expect(answer.requestID == response.field("Postern-Request-Id"))
            let request = try #require(service.received.first)
            #expect(request.method == "POST")
            #expect(request.target == "/a%2Fb?x=1")
            #expect(request.headers == [.init("Accept", "text/x")])
        }
    }

    @Test("what is not said is GET, \"/\" and an empty body")
    func defaults() async throws {
        try await RoutesHarness().run { client, service in
            #expect(try await client.call(#"{"service": "echo"}"#).status == .ok)
            let request = try #require(service.received.first)
            #expect(request.method == "GET")
            #expect(request.target == "/")
            #expect(request.body.isEmpty)
        }
    }

    @Test("bytes travel as base64, both ways")
    func base64() async throws {
        try await RoutesHarness().run { client, service in
            let bytes: [UInt8] = [0, 255, 128, 10, 13]
            let response = try await client.call(
                #"{"service": "echo", "method": "PUT", "body_base64": "\#(Data(bytes).base64EncodedString())"}"#)
            let answer = try answer(response)
            #expect(answer.body == nil)
            #expect(answer.bodyBase64 == Data(bytes).base64EncodedString())
            #expect(service.received.first?.body == bytes[...])
        }
    }

    @Test("a full body fits in base64, and one byte more does not")
    func largeBase64() async throws {
        try await RoutesHarness().run { client, service in
            let full = Data(repeating: 7, count: RelayLimits.inlineBody)
            let text = full.base64EncodedString()
            #expect(
                try await client.call(#"{"service": "echo", "method": "PUT", "body_base64": "\#(text)"}"#).status == .ok
            )
            let more = (full + [7]).base64EncodedString()
            let refused = try await client.call(#"{"service": "echo", "method": "PUT", "body_base64": "\#(more)"}"#)
            #expect(refused.status == .contentTooLarge)
            let huge = String(repeating: "x", count: 600_000)
            #expect(try await client.call(#"{"service": "echo", "body": "\#(huge)"}"#).status == .contentTooLarge)
            #expect(service.received.count == 1)
        }
    }

    @Test(
        "what is wrong is named",
        arguments: [
            ("", "not JSON"), ("{", "not JSON"), ("[]", ""), ("\"x\"", ""), ("{}", "\"service\" is missing"),
            (#"{"service": 5}"#, "\"service\" is of the wrong type"), (#"{"service": null}"#, "service"),
            (#"{"service": "echo", "path": "x"}"#, "\"path\""), (#"{"service": "echo", "path": ""}"#, "\"path\""),
            (#"{"service": "echo", "path": "/a b"}"#, "target"),
            (#"{"service": "echo", "path": "/a\r\nX: y"}"#, "target"),
            (#"{"service": "echo", "method": "G T"}"#, "method"), (#"{"service": "echo", "method": ""}"#, "method"),
            (#"{"service": "echo", "headers": {"X": "a\r\nY: b"}}"#, "header value"),
            (#"{"service": "echo", "headers": {"X Y": "a"}}"#, "header name"),
            (#"{"service": "echo", "headers": {"X": 5}}"#, "wrong type"),
            (#"{"service": "echo", "headers": []}"#, "wrong type"),
            (#"{"service": "echo", "body": "a", "body_base64": "YQ=="}"#, "not both"),
            (#"{"service": "echo", "body_base64": "%%%"}"#, "base64"),
            (#"{"service": "echo", "deadline_seconds": 0}"#, "deadline"),
            (#"{"service": "echo", "deadline_seconds": -5}"#, "deadline"),
            (#"{"service": "echo", "deadline_seconds": 601}"#, "deadline"),
            (#"{"service": "echo", "deadline_seconds": 1e400}"#, ""),
            (#"{"service": "echo", "deadline_seconds": "5"}"#, "wrong type"),
            (#"{"service": "echo", "class": "lax"}"#, "Postern-Class"),
            (#"{"service": "echo", "method": "POST", "class": "safe"}"#, "stricter"),
        ])
    func malformed(json: String, detail: String) async throws {
        try await RoutesHarness().run { client, service in
            let response = try await client.call(json)
            #expect(response.status == .badRequest)
            let problem = try response.problem()
            #expect(problem.code == "malformed-request")
            #expect(detail.isEmpty || problem.detail.contains(detail), "\(problem.detail)")
            #expect(service.received.isEmpty)
        }
    }

    @Test("fields of the connection and of ours are not relayed")
    func fields() async throws {
        try await RoutesHarness().run { client, service in
            let response = try await client.call(
                """
                {"service": "echo", "headers": {"Connection": "X-Hop", "X-Hop": "1", "Transfer-Encoding": "chunked",
                 "Postern-Api-Key": "site-key", "Authorization": "Basic eA==", "X-Kept": "1"}}
                """)
            #expect(response.status == .ok)
            let headers = try #require(service.received.first).headers
            #expect(headers == [.init("Authorization", "Basic eA=="), .init("X-Kept", "1")])
        }
    }

    @Test("presence says who of the group is there and what it offers")
    func presence() async throws {
        try await RoutesHarness().run { client, _ in
            _ = try await client.send("/v1/groups/site/services/echo/")
            let response = try await client.send("/v1/groups/site/presence")
            #expect(response.status == .ok)
            let presence = try JSONDecoder().decode(GroupPresence.self, from: Data(response.body.readableBytesView))
            #expect(presence.group == "site")
            let member = try #require(presence.connectors.first)
            #expect(presence.connectors.count == 1)
            #expect(member.name == "one")
            #expect(member.standing == "online")
            #expect(member.readiness == "ready")
            #expect(member.services == ["echo", "second"])
            #expect(member.bootNumber == 3)
            #expect(member.version == "1.2.3")
            #expect(member.lastBeatSeconds >= 0 && member.lastBeatSeconds < 5)
        }
    }
}
