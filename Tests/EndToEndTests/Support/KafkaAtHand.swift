import Foundation
import TestTools
import Testing

/// The Kafka that a test meets on: a real one where `POSTERN_TEST_KAFKA=host:port` names it, else a server of its protocol
/// in a process of its own.
enum KafkaAtHand {
    /// A real one.
    static let real = ProcessInfo.processInfo.environment["POSTERN_TEST_KAFKA"]
    static let isThere = real != nil || NoidaServer.program != nil
    static let note: Comment = "ops/test installs noida-db; POSTERN_TEST_KAFKA=host:port names a real Kafka"

    /// A site on it with topics of its own; further options are those of `postern-tenant init`.
    static func with(
        connectors: [String] = [], _ options: [String] = [], _ body: (Site) async throws -> Void
    ) async throws {
        guard let real else {
            return try await NoidaServer.with { server in
                try await site(at: server.bootstrap, connectors, options, body)
            }
        }
        try await site(at: real, connectors, options, body)
    }

    private static func site(
        at bootstrap: String, _ connectors: [String], _ options: [String], _ body: (Site) async throws -> Void
    ) async throws {
        let topics = "e2e-\(UUID().uuidString.prefix(8).lowercased())"
        try await Site.with(
            connectors: connectors,
            initOptions: [
                "--broker", "kafka", "--bootstrap", bootstrap, "--replication", "1", "--topic-prefix", topics,
                "--request-partitions", "4", "--inbox-partitions", "8",
            ] + options, body)
    }
}
