import DispatcherProtocol
import Foundation
import HTTPProblems
import HTTPTypes
import HummingbirdTesting
import RelayFormat
import Testing

@Suite("Requests over HTTP: what became of them, and what is done about them", .serialized, .timeLimit(.minutes(1)))
struct RequestRouteTests {
    @Test("calls and submissions are listed, the newest first, by state, group and number")
    func lists() async throws {
        let harness = RoutesHarness { content in
            content.target == "/bad"
                ? .failed(.init(.targetUnreachable, "no")) : .http(.init(status: 200, headers: [], body: []))
        }
        try await harness.run { client, _ in
            let call = try await client.send("/v1/groups/site/services/echo/a")
            let good = try await client.finished(#"{"service": "second"}"#)
            let bad = try await client.finished(#"{"service": "echo", "path": "/bad"}"#)
            let parked: SubmissionReport = try await client.submit(#"{"service": "third"}"#).answer()
            let ids = [parked.requestID, bad.requestID, good.requestID, try #require(call.field("Postern-Request-Id"))]

            func listed(_ query: String, key: String = "site-key") async throws -> [RequestReport] {
                try await client.send("/v1/requests\(query)", key: key).answer(RequestList.self).requests
            }
            let all = try await listed("")
            #expect(Set(all.map(\.requestID)) == Set(ids))
            #expect(all.map(\.submittedAt) == all.map(\.submittedAt).sorted(by: >))
            #expect(Set(all.filter(\.durable).map(\.requestID)) == Set(ids.prefix(3)))
            #expect(all.allSatisfy { $0.group == "site" && $0.events.isEmpty && $0.caller == "k1" })
            #expect(Set(try await listed("?state=answered").map(\.requestID)) == Set(ids.suffix(2)))
            #expect(try await listed("?state=failed").map(\.requestID) == [bad.requestID])
            #expect(try await listed("?state=failed").first?.outcome?.code == "target_unreachable")
            #expect(try await listed("?state=open").map(\.requestID) == [parked.requestID])
            #expect(try await listed("?group=site&limit=2").count == 2)
            // Others see what is theirs.
            #expect(try await listed("", key: "second-only").map(\.requestID) == [good.requestID])
            #expect(try await listed("", key: "other-tenant").isEmpty)
            for query in ["?state=nonsense", "?limit=0", "?limit=1001", "?limit=x"] {
                #expect(try await client.send("/v1/requests\(query)").status == .badRequest)
            }
            #expect(try await client.send("/v1/requests?group=theirs").status == .notFound)
            #expect(try await client.send("/v1/requests", key: nil).status == .unauthorized)
        }
    }

    @Test("a request tells its life, as data and as a text")
    func why() async throws {
        try await RoutesHarness().run { client, _ in
            let answered = try await client.finished(#"{"service": "echo", "webhook": "billing"}"#)
            let path = "/v1/requests/\(answered.requestID)"
            let report: RequestReport = try await client.send(path).answer()
            #expect(report.state == "answered")
            #expect(report.durable)
            #expect(report.requestClass == "safe")
            #expect(report.connector == "one")
            #expect(report.outcome == .init(status: 200))
            #expect(report.resolved == false)
            #expect(report.parkUntil == report.deadline)
            #expect(report.webhook?.map(\.name) == ["billing"])
            #expect(report.webhook?.first?.state == "pending")
            let kinds = report.events.map(\.kind)
            #expect(kinds.first == "submitted")
            #expect(kinds.contains("dispatched"))
            #expect(kinds.last == "answered")

            let text = try await client.send(path + "/why")
            #expect(text.headers[.contentType] == "text/plain; charset=utf-8")
            #expect(text.text.hasPrefix("Request \(answered.requestID)\n  submission of safe to echo in site, by k1\n"))
            #expect(text.text.contains("was answered by one with status 200"))
            let json = try await client.send(path + "/why", headers: [.accept: "application/json"])
            #expect(try json.answer(RequestReport.self) == report)

            let call = try await client.send("/v1/groups/site/services/echo/a")
            let id = try #require(call.field("Postern-Request-Id"))
            let story = try await client.send("/v1/requests/\(id)/why").text
            #expect(story.contains("call of safe to echo in site, by k1"))
            #expect(story.contains("was answered by one with status 200"))

            let parked: SubmissionReport = try await client.submit(#"{"service": "third"}"#).answer()
            let waiting = try await client.send("/v1/requests/\(parked.requestID)/why").text
            #expect(waiting.contains("It is waiting after 0 attempts"))
            #expect(waiting.contains("It waits for a connector that offers \"third\"."))
            #expect(waiting.contains("Would help: add the service"))
        }
    }

    @Test("what waits is cancelled at once, once, and can be taken up again")
    func cancelled() async throws {
        try await RoutesHarness().run { client, service in
            let parked: SubmissionReport = try await client.submit(#"{"service": "third"}"#).answer()
            let path = "/v1/requests/\(parked.requestID)"
            let cancelled = try await client.send(path + "/cancel", .post)
            #expect(cancelled.status == .ok)
            #expect(try cancelled.answer(CancelAnswer.self).verdict == "cancelled")
            let ended: SubmissionReport = try await client.result(of: parked.requestID).answer()
            #expect(ended.state == "cancelled")
            #expect(ended.failure?.code == "cancelled")
            let again = try await client.send(path + "/cancel", .post)
            #expect(again.status == .conflict)
            #expect(try again.problem().code == "wrong-state")

            let redriven = try await client.send(path + "/redrive", .post, body: #"{"deadline_seconds": 60}"#)
            #expect(redriven.status == .accepted)
            let report: RequestReport = try redriven.answer()
            #expect(report.state == "open")
            #expect(report.events.map(\.kind).contains("redriven"))
            #expect(try await client.send(path + "/redrive", .post).status == .conflict)
            #expect(try await client.send(path + "/redrive", .post, body: "nonsense").status == .badRequest)
            #expect(service.received.isEmpty)
        }
    }

    @Test("what runs is torn down at its connector")
    func stopped() async throws {
        let started = AsyncStream<Void>.makeStream()
        let harness = RoutesHarness { _ in
            started.continuation.yield()
            try? await Task.sleep(for: .seconds(60))
            return .failed(.init(.outcomeUnknown, "torn down"))
        }
        try await harness.run { client, _ in
            let running: SubmissionReport = try await client.submit(#"{"service": "echo", "method": "POST"}"#).answer()
            var starts = started.stream.makeAsyncIterator()
            await starts.next()
            let answer = try await client.send("/v1/requests/\(running.requestID)/cancel", .post)
            #expect(answer.status == .accepted)
            #expect(try answer.answer(CancelAnswer.self).verdict == "stopping")
            let ended: SubmissionReport = try await client.result(of: running.requestID).answer()
            #expect(ended.state != "open")
        }
    }

    @Test("nobody sees or steers what is not open to them")
    func foreign() async throws {
        try await RoutesHarness().run { client, _ in
            let parked: SubmissionReport = try await client.submit(#"{"service": "third"}"#).answer()
            for key in ["second-only", "other-tenant"] {
                let path = "/v1/requests/\(parked.requestID)"
                #expect(try await client.send(path, key: key).status == .notFound)
                #expect(try await client.send(path + "/why", key: key).status == .notFound)
                #expect(try await client.send(path + "/cancel", .post, key: key).status == .notFound)
                #expect(try await client.send(path + "/redrive", .post, key: key).status == .notFound)
            }
            #expect(try await client.send("/v1/requests/nonsense").status == .notFound)
            #expect(try await client.send("/v1/requests/\(RelayFormat.RequestID.random())/why").status == .notFound)
            #expect(
                try await client.send("/v1/requests/\(parked.requestID)").answer(RequestReport.self).state == "open")
        }
    }

    @Test("a call is not taken up again")
    func redrivenCall() async throws {
        let harness = RoutesHarness { _ in .failed(.init(.targetUnreachable, "no")) }
        try await harness.run { client, _ in
            let call = try await client.send("/v1/groups/site/services/echo/a")
            let id = try #require(call.field("Postern-Request-Id"))
            let refused = try await client.send("/v1/requests/\(id)/redrive", .post)
            #expect(refused.status == .conflict)
            #expect(try refused.problem().detail.contains("it was a call"))
        }
    }
}
