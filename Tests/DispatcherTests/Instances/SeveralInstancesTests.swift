@testable import Dispatcher
import DispatcherProtocol
import Foundation
import HTTPProblems
import HTTPTypes
import HummingbirdTesting
import RelayFormat
import Testing

@Suite("Several dispatchers answer as one", .serialized, .timeLimit(.minutes(1)))
struct SeveralInstancesTests {
    private func submit(_ path: String, key: String? = nil) -> String {
        let keyed = key.map { #", "idempotency_key": "\#($0)""# } ?? ""
        return #"{"service": "echo", "method": "POST", "path": "\#(path)", "class": "once"\#(keyed)}"#
    }

    private func waitUntil(_ what: String, _ condition: () -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(20)
        while !condition() {
            try #require(ContinuousClock.now < end, "waited in vain until \(what)")
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    @Test("a submission's result, its story and a cancel are had from any of them")
    func anyAnswers() async throws {
        let harness = InstancesHarness(["a", "b"])
        try await harness.run { ports in
            let (a, b) = (try #require(ports["a"]), try #require(ports["b"]))
            let accepted = try await a.submit(submit("/one")).answer(SubmissionReport.self)
            let ended = try await b.result(of: accepted.requestID)
            #expect(ended.status == .ok)
            #expect(ended.field("Preference-Applied") == "wait=20")
            #expect(try ended.answer(SubmissionReport.self).state == "answered")
            let report = try await b.send("/v1/requests/\(accepted.requestID)")
            #expect(try report.answer(RequestReport.self).requestID == accepted.requestID)
            let story = try await b.send("/v1/requests/\(accepted.requestID)/why")
            #expect(story.text.contains("Request \(accepted.requestID)"))
            #expect(story.field("Content-Type") == "text/plain; charset=utf-8")
            let cancelled = try await b.send("/v1/requests/\(accepted.requestID)/cancel", .post)
            #expect(try cancelled.problem().code == "wrong-state")
            // Others see as little there as here.
            let foreign = try await b.send("/v1/requests/\(accepted.requestID)", key: "other-tenant")
            #expect(foreign.status == .notFound)
            #expect(try await b.send("/v1/requests/\(accepted.requestID)", key: "nobody").status == .unauthorized)
            #expect(Set(harness.network.asked) == ["a owner"])
        }
    }

    @Test("a list has the requests of all, and names those that did not answer")
    func lists() async throws {
        let harness = InstancesHarness(["a", "b"])
        try await harness.run { ports in
            var ids: [String] = []
            for name in ["a", "b", "a"] {
                let report = try await #require(ports[name]).submit(submit("/x")).answer(SubmissionReport.self)
                ids.append(report.requestID)
            }
            let b = try #require(ports["b"])
            let all = try await b.send("/v1/requests?limit=10").answer(RequestList.self)
            #expect(Set(all.requests.map(\.requestID)) == Set(ids))
            #expect(all.missingInstances == nil)
            #expect(try await b.send("/v1/requests?limit=2").answer(RequestList.self).requests.count == 2)
            harness.network.cut("a")
            let rest = try await b.send("/v1/requests").answer(RequestList.self)
            #expect(rest.requests.map(\.requestID) == [ids[1]])
            #expect(rest.missingInstances == ["a"])
        }
    }

    @Test("the same key is the same request wherever it comes in: submissions, calls, and requests as they are")
    func oneKey() async throws {
        let harness = InstancesHarness(["a", "b"])
        try await harness.run { ports in
            for home in ["a", "b"] {
                let key = try #require(harness.keys(at: home, among: ["a", "b"]).first)
                var ids: Set<String> = []
                for name in ["a", "b", "b", "a"] {
                    let answer = try await #require(ports[name]).submit(submit("/s-\(home)", key: key))
                    ids.insert(try answer.answer(SubmissionReport.self).requestID)
                }
                #expect(ids.count == 1)
            }
            let calls = harness.keys(at: "b", among: ["a", "b"], 4)
            let field = try #require(HTTPField.Name("Idempotency-Key"))
            let a = try #require(ports["a"])
            let b = try #require(ports["b"])
            let first = try await a.send(
                "/v1/groups/site/services/echo/call", .post, headers: [field: calls[1]], body: "x")
            #expect(first.status == .ok)
            #expect(first.text == "x")
            let second = try await b.send(
                "/v1/groups/site/services/echo/call", .post, headers: [field: calls[1]], body: "x")
            #expect(second.field("Postern-Request-Id") == first.field("Postern-Request-Id"))
            let other = try await a.send(
                "/v1/groups/site/services/echo/other", .post, headers: [field: calls[1]], body: "x")
            #expect(try other.problem().code == "idempotency-key-reused")
            let json = #"{"service": "echo", "method": "POST", "path": "/json"}"#
            let third = try await a.send(
                "/v1/groups/site/requests", .post, headers: [field: calls[2]], body: json)
            let fourth = try await b.send(
                "/v1/groups/site/requests", .post, headers: [field: calls[2]], body: json)
            #expect(try third.answer(CallAnswer.self) == fourth.answer(CallAnswer.self))
            #expect(harness.service.received.map(\.target).sorted() == ["/call", "/json", "/s-a", "/s-b"])
        }
    }

    @Test("many at once under few keys, at two doors, run once each")
    func race() async throws {
        let harness = InstancesHarness(["a", "b"])
        try await harness.run { ports in
            let keys = (0..<10).map { "race-\($0)" }
            try await withThrowingTaskGroup(of: (String, String).self) { group in
                for number in 0..<200 {
                    let (key, port) = (keys[number % keys.count], ports[number % 3 == 0 ? "a" : "b"])
                    group.addTask {
                        let answer = try await #require(port).submit(submit("/\(key)", key: key))
                        return (key, try answer.answer(SubmissionReport.self).requestID)
                    }
                }
                var ids: [String: Set<String>] = [:]
                for try await (key, id) in group { ids[key, default: []].insert(id) }
                #expect(ids.count == keys.count)
                #expect(ids.values.allSatisfy { $0.count == 1 })
            }
            try await waitUntil("all ran") { harness.service.received.count >= keys.count }
            #expect(harness.service.received.count == keys.count)
        }
    }

    @Test("what a dead instance has is not to be had, and says so; nothing of it runs elsewhere")
    func deadHome() async throws {
        let harness = InstancesHarness(["a", "b"])
        try await harness.run { ports in
            let (a, b) = (try #require(ports["a"]), try #require(ports["b"]))
            let keys = harness.keys(at: "b", among: ["a", "b"], 2)
            let accepted = try await a.submit(submit("/one", key: keys[0])).answer(SubmissionReport.self)
            _ = try await b.result(of: accepted.requestID)
            harness.network.cut("b")
            for (key, path) in zip(keys, ["/one", "/two"]) {
                let refused = try await a.submit(submit(path, key: key))
                #expect(refused.status == .serviceUnavailable)
                let problem = try refused.problem()
                #expect(problem.code == "instance-unreachable")
                #expect(problem.retryable)
                #expect(problem.retryAfter == 5)
                #expect(problem.detail.contains("\"b\""))
            }
            let lost = try await a.send("/v1/requests/\(accepted.requestID)/why")
            #expect(try lost.problem().code == "instance-unreachable")
            #expect(harness.service.received.map(\.target) == ["/one"])
            // What has no key, or one of its own, goes on.
            #expect(try await a.call(#"{"service": "echo"}"#).status == .ok)
            let own = try #require(harness.keys(at: "a", among: ["a", "b"]).first)
            #expect(try await a.submit(submit("/own", key: own)).status.code < 300)
            harness.network.heal("b")
            let again = try await a.submit(submit("/one", key: keys[0])).answer(SubmissionReport.self)
            #expect(again.requestID == accepted.requestID)
        }
    }

    @Test("keys that were used before an instance was added are known after it, though their home is another")
    func added() async throws {
        let harness = InstancesHarness(["a", "b"], before: ["a"])
        try await harness.run { ports in
            let (a, b) = (try #require(ports["a"]), try #require(ports["b"]))
            let keys = harness.keys(at: "b", among: ["a", "b"], 4)
            let before = try await a.submit(submit("/0", key: keys[0])).answer(SubmissionReport.self)
            _ = try await a.result(of: before.requestID)
            harness.register.add("b")
            // a does not know yet that b is there: for it all keys are its own, and b asks it.
            let stale = try await a.submit(submit("/1", key: keys[1])).answer(SubmissionReport.self)
            for (key, report) in [(keys[0], before), (keys[1], stale)] {
                let path = key == keys[0] ? "/0" : "/1"
                let again = try await b.submit(submit(path, key: key)).answer(SubmissionReport.self)
                #expect(again.requestID == report.requestID)
            }
            // Having been asked, a has read the register: new keys of b's go to b.
            let new = try await a.submit(submit("/2", key: keys[2])).answer(SubmissionReport.self)
            let id = try #require(RequestID(new.requestID))
            #expect(id.high >> 32 == harness.register.record(of: "b").id.high >> 32)
            #expect(harness.network.asked.contains("a known"))
            // While the former home does not answer, nobody can say whether it knows the key.
            harness.network.cut("a")
            let unsure = try await b.submit(submit("/3", key: keys[3]))
            #expect(try unsure.problem().code == "instance-unreachable")
            try await waitUntil("all ran") { harness.service.received.count >= 3 }
            #expect(harness.service.received.map(\.target).sorted() == ["/0", "/1", "/2"])
        }
    }

    @Test("a request that comes to the wrong home by an old register finds the right one")
    func misdirected() async throws {
        let harness = InstancesHarness(["a", "b", "c"], before: ["a", "b"])
        try await harness.run { ports in
            let (a, b) = (try #require(ports["a"]), try #require(ports["b"]))
            let both = Set(harness.keys(at: "b", among: ["a", "b"], 400))
            let moved = harness.keys(at: "c", among: ["a", "b", "c"], 400).filter(both.contains)
            // Both have read the register before c is there.
            #expect(try await a.submit(submit("/first", key: moved[0])).status.code < 300)
            harness.register.add("c")
            // b learns of c by a question of c's; a still sends c's keys to b, which sends it away.
            let c = try #require(ports["c"])
            #expect(try await c.submit(submit("/second", key: moved[1])).status.code < 300)
            let third = try await a.submit(submit("/third", key: moved[2]))
            #expect(third.status.code < 300)
            let id = try #require(RequestID(try third.answer(SubmissionReport.self).requestID))
            #expect(id.high >> 32 == harness.register.record(of: "c").id.high >> 32)
            let again = try await b.submit(submit("/third", key: moved[2])).answer(SubmissionReport.self)
            #expect(again.requestID == "\(id)")
            #expect(harness.network.asked.contains("b home"))
            #expect(harness.network.asked.contains("c home"))
        }
    }

    @Test("a retired instance takes no new keys and is asked for the old ones; a removed one is asked for nothing")
    func retired() async throws {
        let harness = InstancesHarness(["a", "b"])
        try await harness.run { ports in
            let (a, b) = (try #require(ports["a"]), try #require(ports["b"]))
            let keys = harness.keys(at: "b", among: ["a", "b"], 3)
            let old = try await b.submit(submit("/old", key: keys[0])).answer(SubmissionReport.self)
            _ = try await b.result(of: old.requestID)
            harness.register.retire("b")
            // b has an old register: the key is new, and its own. a asks it later.
            let late = try await b.submit(submit("/late", key: keys[1])).answer(SubmissionReport.self)
            // a still knows nothing of it either, and learns by b's answer.
            for (key, path, report) in [(keys[0], "/old", old), (keys[1], "/late", late)] {
                let again = try await a.submit(submit(path, key: key)).answer(SubmissionReport.self)
                #expect(again.requestID == report.requestID)
            }
            harness.network.cut("b")
            harness.register.remove("b")
            // The next look at the register is due within two seconds; here a question brings it.
            let unknown = try await a.send("/v1/requests/\(RequestID.random())")
            #expect(unknown.status == .notFound)
            #expect(try await a.submit(submit("/new", key: keys[2])).status.code < 300)
            let gone = try await a.send("/v1/requests/\(old.requestID)")
            #expect(gone.status == .notFound)
            #expect(try gone.problem().detail.contains("removed"))
        }
    }

    @Test("what is handed on is not handed on again, whoever writes the field")
    func noLoops() async throws {
        let harness = InstancesHarness(["a", "b"])
        try await harness.run { ports in
            let a = try #require(ports["a"])
            let field = try #require(HTTPField.Name("Postern-Forwarded"))
            let key = try #require(harness.keys(at: "b", among: ["a", "b"]).first)
            let json = HTTPFields([HTTPField(name: .contentType, value: "application/json")])
            for (mode, status) in [("home", 421), ("known", 404), ("owner", 421)] {
                var headers = json
                headers[field] = mode
                let answer = try await a.send(
                    "/v1/groups/site/submissions", .post, headers: headers, body: submit("/x", key: key))
                #expect(answer.status.code == status, "\(mode)")
            }
            #expect(harness.network.asked.isEmpty)
            let id = RequestID(high: harness.register.record(of: "b").id.high, low: 3)
            #expect(try await a.send("/v1/requests/\(id)", headers: [field: "owner"]).status == .notFound)
            #expect(harness.network.asked.isEmpty)
            #expect(harness.service.received.isEmpty)
        }
    }
}
