import Foundation
import Testing

/// Where the fault tests put their rows: on standard output, and as JSON lines into `$POSTERN_FAULT_ROWS`.
enum FaultTable {
    /// Whether the tests run at full length (`ops/test --faults`), or in their short form.
    static let isLong = ProcessInfo.processInfo.environment["POSTERN_FAULTS"] == "long"
    /// Whether all cases are to meet on the given Kafka (`ops/test --faults --broker kafka`).
    static let isOnKafka = ProcessInfo.processInfo.environment["POSTERN_FAULT_BROKER"] == "kafka"
    /// Says of a case that it spoils the link of the embedded broker.
    static let ownLink: Comment = "there is no link on Kafka; Kafka's paths are in KafkaFaultTests"

    /// One of two lengths.
    static func choose<Value>(short: Value, long: Value) -> Value { isLong ? long : short }

    static func append(_ row: FaultRow) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let bytes = try? encoder.encode(row) else { return }
        print("Fault \(String(decoding: bytes, as: UTF8.self))")
        guard let path = ProcessInfo.processInfo.environment["POSTERN_FAULT_ROWS"] else { return }
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard let file = FileHandle(forWritingAtPath: path) else { return }
        _ = try? file.seekToEnd()
        try? file.write(contentsOf: bytes + Data("\n".utf8))
        try? file.close()
    }
}
