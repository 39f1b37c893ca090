import DispatcherProtocol
import Foundation
import HTTPProblems
import HTTPTypes
import HummingbirdTesting
import NIOCore
import RelayFormat
import Testing

@Suite("The routes that give connectors orders", .timeLimit(.minutes(1)))
struct ConnectorOrderRouteTests {
    private func presence(_ client: any TestClientProtocol) async throws -> TenantPresence {
        let answer = try await client.send("/v1/presence", key: "admin")
        return try JSONDecoder().decode(TenantPresence.self, from: Data(answer.body.readableBytesView))
    }

    private func order(
        _ client: any TestClientProtocol, _ path: String, _ json: String? = nil
    ) async throws -> ConnectorOrderAnswer {
        let answer = try await client.send("/v1/connectors/\(path)", .post, body: json, key: "admin")
        #expect(answer.status == .accepted, "\(answer.text)")
        return try JSONDecoder().decode(ConnectorOrderAnswer.self, from: Data(answer.body.readableBytesView))
    }

    private func waitUntilProven(_ client: any TestClientProtocol) async throws -> ConnectorPresence {
        let end = ContinuousClock.now + .seconds(20)
        while true {
            if let one = try await presence(client).connectors.first, one.standing == "online" { return one }
            try #require(ContinuousClock.now < end, "the connector is never proven")
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    @Test("presence tells how a connector stands, and what it offers")
    func tells() async throws {
        try await RoutesHarness().run { client, _ in
            let one = try await waitUntilProven(client)
            #expect(one.name == "one" && one.readiness == "ready" && one.note.isEmpty)
            #expect(one.bootNumber == 3 && one.version == "1.2.3")
            #expect(one.services.map(\.name) == ["echo", "second"])
            #expect(one.groups.count == 1)
            #expect(one.lastAnswerSeconds.map { $0 < 15 } == true)
        }
    }

    @Test("pause and resume by name or id are sent, and confirmed by the beat")
    func pauseAndResume() async throws {
        try await RoutesHarness().run { client, _ in
            let one = try await waitUntilProven(client)
            let paused = try await order(client, "one/pause", #"{"note": "patching", "seconds": 60}"#)
            #expect(paused.isConfirmed && paused.readiness == "paused" && paused.order == "pause")
            let seen = try #require(try await presence(client).connectors.first)
            #expect(seen.standing == "paused" && seen.note == "patching")
            let resumed = try await order(client, "\(one.connector)/resume")
            #expect(resumed.isConfirmed && resumed.readiness == "ready")
            #expect(try await client.send("/v1/groups/site/services/echo/x").status == .ok)
        }
    }

    @Test("a drain is sent and confirmed, and a connector that has ended takes no more orders")
    func drain() async throws {
        try await RoutesHarness().run { client, _ in
            _ = try await waitUntilProven(client)
            let drained = try await order(client, "one/drain", #"{"seconds": 5, "note": "new disks"}"#)
            #expect(drained.isConfirmed && drained.order == "drain")
            let end = ContinuousClock.now + .seconds(20)
            while try await presence(client).connectors.first?.standing != "lost" {
                try #require(ContinuousClock.now < end, "the drained connector is never lost")
                try await Task.sleep(for: .milliseconds(20))
            }
            let late = try await client.send("/v1/connectors/one/resume", .post, key: "admin")
            #expect(late.status == .conflict)
            #expect(try late.problem().code == "connector-not-online")
        }
    }

    @Test(
        "what makes no sense is refused",
        arguments: [
            ("one/pause", "{}", 400, "malformed-request"), ("one/pause", #"{"note": ""}"#, 400, "malformed-request"),
            ("one/pause", "no json", 400, "malformed-request"),
            ("one/pause", #"{"note": "x", "seconds": 0}"#, 400, "malformed-request"),
            ("one/drain", #"{"seconds": -1}"#, 400, "malformed-request"),
            ("one/drain", #"{"seconds": 1e12}"#, 400, "malformed-request"),
            ("one/drain", "{\"note\": \"\(String(repeating: "n", count: 513))\"}", 400, "malformed-request"),
            ("nobody/drain", "{}", 404, "not-found"),
        ])
    func refused(path: String, body: String, status: Int, code: String) async throws {
        try await RoutesHarness().run { client, _ in
            _ = try await waitUntilProven(client)
            let answer = try await client.send("/v1/connectors/\(path)", .post, body: body, key: "admin")
            #expect(answer.status.code == status, "\(answer.text)")
            #expect(try answer.problem().code == code)
            #expect(try await presence(client).connectors.first?.readiness == "ready")
        }
    }

    @Test("only administrators give orders, and only to connectors of their own tenant")
    func strangers() async throws {
        try await RoutesHarness().run { client, _ in
            _ = try await waitUntilProven(client)
            for key in [nil, "site-key", "nonsense"] {
                #expect(try await client.send("/v1/connectors/one/drain", .post, key: key).status == .unauthorized)
                #expect(try await client.send("/v1/presence", key: key).status == .unauthorized)
            }
            // One who may only look, looks.
            #expect(try await client.send("/v1/presence", key: "reader").status == .ok)
            #expect(try await client.send("/v1/connectors/one/drain", .post, key: "reader").status == .forbidden)
            #expect(try await client.send("/v1/connectors/one/drain", .post, key: "rival-admin").status == .notFound)
            let rival = try await client.send("/v1/presence", key: "rival-admin")
            #expect(rival.text == #"{"connectors":[]}"#)
        }
    }
}
