import DispatcherProtocol
import Foundation
import HTTPProblems
import HTTPTypes
import HummingbirdTesting
import RelayFormat
import RequestLedger
import Testing

@Suite("Submissions over HTTP", .serialized, .timeLimit(.minutes(1)))
struct SubmissionRouteTests {
    @Test("a submission is accepted, and its result fetched with a wait")
    func submitted() async throws {
        let harness = RoutesHarness {
            .http(.init(status: 201, headers: [.init("X-A", "1"), .init("X-A", "2")], body: $0.body))
        }
        try await harness.run { client, service in
            let accepted = try await client.submit(
                #"{"service": "echo", "method": "POST", "path": "/orders?x=1", "body": "grüße", "webhook": "billing"}"#)
            #expect(accepted.status == .accepted || accepted.status == .ok)
            let first: SubmissionReport = try accepted.answer()
            #expect(accepted.field("Location") == "/v1/groups/site/submissions/\(first.requestID)")
            #expect(accepted.field("Postern-Request-Id") == first.requestID)
            #expect(first.group == "site")
            let span = first.deadline.milliseconds - first.submittedAt.milliseconds
            #expect((3_599_000...3_600_000).contains(span))
            let ended = try await client.result(of: first.requestID)
            #expect(ended.status == .ok)
            #expect(ended.field("Preference-Applied") == "wait=20")
            let report: SubmissionReport = try ended.answer()
            #expect(report.state == "answered")
            #expect(report.status == 201)
            #expect(report.headers == ["x-a": "1, 2"])
            #expect(report.body == "grüße")
            #expect(report.connector == "one")
            #expect(report.attempt == 1)
            #expect(report.endedAt != nil)
            #expect(service.received.map(\.target) == ["/orders?x=1"])
            // Without a wait it is the same.
            let again = try await client.send("/v1/groups/site/submissions/\(report.requestID)")
            #expect(try again.answer(SubmissionReport.self) == report)
            #expect(again.field("Preference-Applied") == nil)
        }
    }

    @Test("bytes that are no text come back as base64, and failures with their code")
    func otherResults() async throws {
        let harness = RoutesHarness { content in
            content.target == "/bytes"
                ? .http(.init(status: 200, headers: [], body: [0xff, 0x00])) : .failed(.init(.targetUnreachable, "no"))
        }
        try await harness.run { client, _ in
            let bytes = try await client.finished(#"{"service": "echo", "path": "/bytes"}"#)
            #expect(bytes.body == nil)
            #expect(bytes.bodyBase64 == "/wA=")
            let failed = try await client.finished(#"{"service": "echo", "path": "/x"}"#)
            #expect(failed.state == "failed")
            #expect(failed.failure == .init(code: "target_unreachable", detail: "no"))
            #expect(failed.status == nil)
        }
    }

    @Test("the same key is the same submission, and gets the same answer")
    func idempotent() async throws {
        try await RoutesHarness().run { client, service in
            let json = #"{"service": "echo", "method": "POST", "body": "a", "idempotency_key": "order \"7\""}"#
            let first = try await client.finished(json)
            let repeated = try await client.submit(json)
            #expect(repeated.status == .ok)
            #expect(try repeated.answer(SubmissionReport.self) == first)
            #expect(service.received.count == 1)
            #expect(
                service.received.first?.headers.first { $0.name == "Idempotency-Key" }?.value == #""order \"7\"""#)
            let field = try await client.submit(
                #"{"service": "echo", "method": "POST", "body": "a"}"#, headers: [.idempotencyKey: #"order "7""#])
            #expect(try field.answer(SubmissionReport.self).requestID == first.requestID)

            let reused = try await client.submit(
                #"{"service": "echo", "method": "POST", "body": "b", "idempotency_key": "order \"7\""}"#)
            #expect(reused.status == .unprocessableContent)
            let problem = try reused.problem()
            #expect(problem.code == "idempotency-key-reused")
            #expect(problem.instance == first.requestID)
            #expect(problem.retryable == false)
            // Another caller's key is another key.
            let other = try await client.submit(
                #"{"service": "second", "idempotency_key": "k"}"#, key: "second-only")
            let own = try await client.submit(#"{"service": "second", "idempotency_key": "k"}"#)
            #expect(
                try other.answer(SubmissionReport.self).requestID != (try own.answer(SubmissionReport.self).requestID))
        }
    }

    @Test("a submission waits for a connector unless it says that it does not")
    func parked() async throws {
        try await RoutesHarness().run { client, service in
            // Presence has to be known before an absence counts.
            #expect(try await client.send("/v1/groups/site/services/echo/").status == .ok)
            let parked: SubmissionReport = try await client.submit(#"{"service": "third"}"#).answer()
            let refused = try await client.finished(#"{"service": "third", "park_until_seconds": 0}"#)
            #expect(refused.state == "failed")
            #expect(refused.failure?.code == "service_unknown")
            let still = try await client.send(
                "/v1/groups/site/submissions/\(parked.requestID)", headers: [.prefer: "respond-async, wait=0"])
            #expect(still.status == .accepted)
            #expect(still.field("Preference-Applied") == "wait=0")
            #expect(try still.answer(SubmissionReport.self).state == "open")
            let short = try await client.finished(
                #"{"service": "third", "park_until_seconds": 0.05, "deadline_seconds": 30}"#)
            #expect(short.failure?.code == "service_unknown")
            let late = try await client.finished(#"{"service": "third", "deadline_seconds": 0.2}"#)
            #expect(late.state == "failed")
            #expect(service.received.count == 1)
        }
    }

    @Test("what is not a caller's own does not exist")
    func foreign() async throws {
        try await RoutesHarness().run { client, _ in
            let report = try await client.finished(#"{"service": "echo"}"#)
            let path = "/v1/groups/site/submissions/\(report.requestID)"
            #expect(try await client.send(path, key: "second-only").status == .notFound)
            #expect(try await client.send(path, key: "other-tenant").status == .notFound)
            #expect(
                try await client.send("/v1/groups/theirs/submissions/\(report.requestID)", key: "other-tenant").status
                    == .notFound)
            #expect(try await client.send(path, key: nil).status == .unauthorized)
            #expect(try await client.send("/v1/groups/site/submissions/nonsense").status == .notFound)
            #expect(
                try await client.send("/v1/groups/site/submissions/\(RelayFormat.RequestID.random())").status
                    == .notFound)
            #expect(try await client.submit(#"{"service": "echo"}"#, key: "second-only").status == .forbidden)
            #expect(try await client.submit(#"{"service": "echo"}"#, key: "other-tenant").status == .notFound)
        }
    }

    @Test(
        "what is wrong is named",
        arguments: [
            ("{", "not JSON"), ("{}", "\"service\" is missing"),
            (#"{"service": "echo", "park_until_seconds": -1}"#, "park_until_seconds"),
            (#"{"service": "echo", "park_until_seconds": "1h"}"#, "wrong type"),
            (#"{"service": "echo", "deadline_seconds": 86401}"#, "86400"),
            (#"{"service": "echo", "webhook": "nobody"}"#, "no webhook named \"nobody\""),
            (#"{"service": "echo", "webhook": 7}"#, "wrong type"),
            (#"{"service": "echo", "idempotency_key": ""}"#, "idempotency key"),
            (#"{"service": "echo", "idempotency_key": "ü"}"#, "idempotency key"),
            (#"{"service": "echo", "method": "POST", "class": "safe"}"#, "stricter"),
        ])
    func malformed(json: String, detail: String) async throws {
        try await RoutesHarness().run { client, service in
            let response = try await client.submit(json)
            #expect(response.status == .badRequest)
            #expect(try response.problem().detail.contains(detail), "\(response.text)")
            #expect(service.received.isEmpty)
        }
    }

    @Test("two names for one submission are refused")
    func contradictoryKeys() async throws {
        try await RoutesHarness().run { client, _ in
            let response = try await client.submit(
                #"{"service": "echo", "idempotency_key": "a"}"#, headers: [.idempotencyKey: "b"])
            #expect(response.status == .badRequest)
        }
    }

    @Test("a full ledger is an overload that says when to come back")
    func full() async throws {
        try await RoutesHarness(bounds: LedgerBounds(requests: 1)).run { client, _ in
            #expect(try await client.finished(#"{"service": "echo"}"#).state == "answered")
            let refused = try await client.submit(#"{"service": "echo"}"#)
            #expect(refused.status == .tooManyRequests)
            #expect(refused.headers[.retryAfter] != nil)
            let problem = try refused.problem()
            #expect(problem.code == "overloaded")
            #expect(problem.retryable == true)
        }
    }

    @Test("a call with a key is made once, and answered the same again")
    func keyedCall() async throws {
        try await RoutesHarness().run { client, service in
            let path = "/v1/groups/site/services/echo/orders"
            let first = try await client.send(path, .post, headers: [.idempotencyKey: "\"c-1\""], body: "a")
            #expect(first.status == .ok)
            #expect(first.text == "a")
            let again = try await client.send(path, .post, headers: [.idempotencyKey: "c-1"], body: "a")
            #expect(again.text == "a")
            #expect(again.field("Postern-Request-Id") == first.field("Postern-Request-Id"))
            #expect(service.received.count == 1)
            #expect(service.received.first?.headers.first { $0.name == "Idempotency-Key" }?.value == "\"c-1\"")
            let reused = try await client.send(path, .post, headers: [.idempotencyKey: "c-1"], body: "b")
            #expect(reused.status == .unprocessableContent)
            // JSON calls and submissions share the keys.
            let json = #"{"service": "echo", "method": "POST", "path": "/orders", "body": "a"}"#
            let call = try await client.send(
                "/v1/groups/site/requests", .post, headers: [.idempotencyKey: "c-1"], body: json)
            #expect(try call.answer(CallAnswer.self).requestID == first.field("Postern-Request-Id"))
            let submission = try await client.submit(json, headers: [.idempotencyKey: "c-1"])
            #expect(submission.status == .ok)
            #expect(service.received.count == 1)
        }
    }

    @Test("two calls under one key at the same time are one request")
    func simultaneous() async throws {
        try await RoutesHarness().run { client, service in
            let path = "/v1/groups/site/services/echo/orders"
            let texts = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await client.send(path, .post, headers: [.idempotencyKey: "both"], body: "a").text
                    }
                }
                return try await group.reduce(into: [String]()) { $0.append($1) }
            }
            #expect(texts == Array(repeating: "a", count: 8))
            #expect(service.received.count == 1)
        }
    }

    @Test("a call with a key that has no connector fails at once, as without one")
    func keyedCallWithoutConnector() async throws {
        try await RoutesHarness().run { client, _ in
            #expect(try await client.send("/v1/groups/site/services/echo/").status == .ok)
            let response = try await client.send(
                "/v1/groups/site/services/third/", headers: [.idempotencyKey: "c-2"])
            #expect(response.status == .notFound)
            #expect(try response.problem().code == "service_unknown")
        }
    }

    @Test("a keyed request that brings no key gets its id as one")
    func ownKey() async throws {
        try await RoutesHarness().run { client, service in
            let call = try await client.send("/v1/groups/site/services/echo/a", .put, body: "x")
            let id = try #require(call.field("Postern-Request-Id"))
            let report = try await client.finished(#"{"service": "echo", "method": "PUT"}"#)
            let keys = service.received.map { $0.headers.first { $0.name == "Idempotency-Key" }?.value }
            #expect(keys == ["\"\(id)\"", "\"\(report.requestID)\""])
        }
    }
}

extension HTTPField.Name {
    /// The field of RFC 7240.
    static let prefer = HTTPField.Name("Prefer") ?? .accept
    /// The key of a request.
    static let idempotencyKey = HTTPField.Name("Idempotency-Key") ?? .accept
}

extension TestClientProtocol {
    /// Submits a request.
    func submit(_ json: String, headers: HTTPFields = [:], key: String = "site-key") async throws -> TestResponse {
        var headers = headers
        headers[.contentType] = "application/json"
        return try await send("/v1/groups/site/submissions", .post, headers: headers, body: json, key: key)
    }

    /// Fetches a submission's result, and waits for it.
    func result(of id: String) async throws -> TestResponse {
        try await send("/v1/groups/site/submissions/\(id)", headers: [.prefer: "wait=20"])
    }

    /// Submits a request and waits for its end.
    func finished(_ json: String) async throws -> SubmissionReport {
        let accepted: SubmissionReport = try await submit(json).answer()
        return try await result(of: accepted.requestID).answer()
    }
}
