import AuditLog
import AuditStore
import Dispatcher
import DispatcherProtocol
import Foundation
import HTTPProblems
import HTTPTypes
import HummingbirdTesting
import Logging
import RelayFormat
import Testing

@Suite("What is done to requests and connectors is on record", .timeLimit(.minutes(1)))
struct DispatcherAuditTests {
    private func scratch() async throws -> (AuditTrail, URL) {
        let folder = FileManager.default.temporaryDirectory.appending(path: "dispatcher-audit-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let file = try await AuditFile.open(path: folder.appending(path: "audit.sqlite").path, logger: logger)
        return (AuditTrail(file: file, logger: logger, now: { 1000 }), folder)
    }

    private func rows(_ trail: AuditTrail, _ log: String) async throws -> [AuditEvent] {
        try await trail.record([], in: log)
        return try await trail.file.entries(of: log, from: 0, limit: 100, matching: .init()).map(\.event)
    }

    @Test("acts with who did them and how they ended; refusals in the log of their tenant, where that is known")
    func recorded() async throws {
        let (trail, folder) = try await scratch()
        defer { try? FileManager.default.removeItem(at: folder) }
        let harness = RoutesHarness(audit: DispatcherAudit(trail: trail, log: "installation"))
        try await harness.run { client, _ in
            let parked: SubmissionReport = try await client.submit(#"{"service": "third"}"#).answer()
            let path = "/v1/requests/\(parked.requestID)"
            _ = try await client.send(path + "/cancel", .post)
            _ = try await client.send(path + "/redrive", .post, body: #"{"deadline_seconds": 60}"#)
            _ = try await client.send(path + "/redrive", .post)
            _ = try await client.send(path + "/cancel", .post, key: "reader")
            _ = try await client.send("/v1/presence", key: "nobody")
        }
        let seen = try await rows(trail, "\(harness.tenant)")
        #expect(seen.map(\.action) == ["requests.cancel", "requests.redrive", "requests.redrive", "post dispatcher"])
        #expect(seen.map(\.actor.id) == ["k1", "k1", "k1", "a-reader"])
        #expect(seen.map(\.outcome) == [.done, .done, .refused, .refused])
        #expect(try await rows(trail, "installation").map { $0.detail["problem"] } == ["invalid-credentials"])
        await trail.file.close()
    }

    @Test("what cannot be put on record is not done")
    func refused() async throws {
        let (trail, folder) = try await scratch()
        defer { try? FileManager.default.removeItem(at: folder) }
        await trail.file.close()
        try await RoutesHarness(audit: DispatcherAudit(trail: trail, log: "installation")).run { client, _ in
            let parked: SubmissionReport = try await client.submit(#"{"service": "third"}"#).answer()
            let answer = try await client.send("/v1/requests/\(parked.requestID)/cancel", .post)
            #expect(answer.status == .serviceUnavailable)
            #expect(try answer.problem().code == "not-ready")
            let after: SubmissionReport =
                try await client.send("/v1/groups/site/submissions/\(parked.requestID)").answer()
            #expect(after.state != "cancelled")
        }
    }
}
