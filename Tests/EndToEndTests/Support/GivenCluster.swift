import Foundation
import Testing

/// A real Kafka that the environment names; tests that need one are skipped without.
enum GivenCluster {
    /// Its servers, `host:port` by commas, plaintext: `POSTERN_TEST_KAFKA`.
    static let bootstrap = value("POSTERN_TEST_KAFKA")
    /// Freezes and ends its servers: `POSTERN_TEST_KAFKA_CONTROL`, a program that gets `pause`, `resume`, `kill` or
    /// `restart` and the port of a server, and comes back when that is done.
    static let control = value("POSTERN_TEST_KAFKA_CONTROL")
    /// The ports of its servers.
    static let ports = (bootstrap ?? "").split(separator: ",").compactMap {
        $0.split(separator: ":").last.flatMap { Int($0) }
    }

    static let note: Comment = "POSTERN_TEST_KAFKA=host:port names no Kafka"
    static let controlNote: Comment =
        "POSTERN_TEST_KAFKA_CONTROL names no program that ends and freezes Kafka's servers"

    /// Whether the cluster's servers may be frozen and ended.
    static var isControlled: Bool { bootstrap != nil && control != nil }

    /// Options of `init` for an installation on the cluster, with topics that nobody else has; they are left there.
    static func options() throws -> [String] {
        let bootstrap = try #require(bootstrap)
        return [
            "--broker", "kafka", "--bootstrap", bootstrap, "--replication", "\(min(3, ports.count))", "--topic-prefix",
            "postern-test-\(UInt32.random(in: .min ... .max))", "--request-partitions", "6", "--inbox-partitions", "8",
        ]
    }

    /// Gives a server an order, and waits until it is done.
    static func order(_ what: String, _ port: Int, in folder: URL) async throws {
        // A server that the program leaves behind must not inherit by what the end of a process is seen, nor by what
        // ops/test finds the processes of a test.
        let detached =
            "import os, subprocess, sys; os.environ.pop('POSTERN_TEST_RUN', 0); "
            + "sys.exit(subprocess.call(sys.argv[1:]))"
        let done = try await Program(
            "python3", ["-c", detached, try #require(control), what, "\(port)"], in: folder, as: "kafka-\(what)-\(port)"
        ).wait()
        try #require(done.status == 0, "\(what) \(port): \(done.output)\(done.errors)")
    }

    /// Gives all servers an order, and waits until it is done.
    static func orderAll(_ what: String, in folder: URL) async throws {
        try await withThrowingTaskGroup { group in
            for port in ports { group.addTask { try await order(what, port, in: folder) } }
            try await group.waitForAll()
        }
    }

    /// Waits until a server that was started takes connections.
    static func waitUntilOpen() async throws {
        let port = try #require(ports.first)
        try await waitUntil("Kafka takes connections", within: .seconds(60)) {
            guard let connection = try? await RawConnection.open(port: port) else { return false }
            await connection.close()
            return true
        }
    }

    private static func value(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}
