import Foundation
import TestTools
import Testing

/// A real Kafka with passwords over TLS, as `POSTERN_TEST_KAFKA_SASL` names it:
/// `host:port;ca=FILE;user=NAME;password=SECRET;other=NAME;other-password=SECRET`, where `user` administers.
@Suite(
    "Kafka with passwords end to end", .serialized,
    .enabled(if: given != nil, "set POSTERN_TEST_KAFKA_SASL to test against a real Kafka with passwords"),
    .timeLimit(.minutes(5)))
struct KafkaPasswordEndToEndTests {
    @Test(
        "connectors get their password sealed, hold it in memory alone, and work on through a renewal",
        arguments: ["plain", "scram-sha-512"])
    func password(mechanism: String) async throws {
        let given = try #require(given)
        let folder = FileManager.default.temporaryDirectory.appending(path: "postern-passwords-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(at: folder) }
        func file(_ name: String) throws -> String {
            let path = folder.appending(path: name).path
            try (given[name] ?? "").write(toFile: path, atomically: true, encoding: .utf8)
            return path
        }
        let (bootstrap, ca) = (given["bootstrap"] ?? "", given["ca"] ?? "")
        let options = [
            "--broker", "kafka", "--bootstrap", bootstrap, "--replication", "1", "--topic-prefix",
            "e2e-\(UUID().uuidString.prefix(8).lowercased())", "--request-partitions", "4", "--inbox-partitions", "8",
            "--security", "scram-sha-512", "--kafka-ca", ca, "--kafka-user", given["user"] ?? "",
            "--kafka-password-file", try file("password"), "--connector-security", mechanism, "--connector-ca", ca,
            "--connector-user", given["other"] ?? "", "--connector-password-file", try file("other-password"),
        ]
        try await Site.with(connectors: ["one", "two"], initOptions: options) { site in
            for number in 0..<16 { #expect(try await site.call("call-\(number)").status == 200) }
            let status = try await KafkaEndToEndTests.postern("status", "one", site)
            #expect(status.output.contains(mechanism))
            let rotation = try await KafkaEndToEndTests.postern("rotate", "one", site)
            #expect(rotation.output.contains("generation 2"), "\(rotation.errors)")
            #expect(try await site.call("after").status == 200)
            let secret = Data((given["other-password"] ?? "").utf8)
            for name in ["one", "two", "one.err", "two.err", "tenant.err"] {
                let place = site.folder.appending(path: name)
                let files =
                    (try? FileManager.default.contentsOfDirectory(at: place, includingPropertiesForKeys: nil)) ?? [
                        place
                    ]
                for file in files {
                    guard let content = try? Data(contentsOf: file) else { continue }
                    #expect(content.firstRange(of: secret) == nil, "the password lies in \(file.path)")
                }
            }
        }
    }
}

/// What the variable says; nil where it is not set.
private let given: [String: String]? = ProcessInfo.processInfo.environment["POSTERN_TEST_KAFKA_SASL"].map { text in
    let parts = text.split(separator: ";").map(String.init)
    var values = Dictionary(
        parts.dropFirst().compactMap { part in
            part.firstIndex(of: "=").map { (String(part[..<$0]), String(part[part.index(after: $0)...])) }
        }, uniquingKeysWith: { $1 })
    values["bootstrap"] = parts.first ?? ""
    return values
}
