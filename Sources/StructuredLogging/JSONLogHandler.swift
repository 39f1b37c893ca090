internal import Foundation
public import Logging
internal import Synchronization

/// Writes each log line as one JSON object to standard error: `time`, `level`, `logger`, `message`, then the metadata.
public struct JSONLogHandler: LogHandler {
    // Lines of several threads must not run into one another.
    private static let output = Mutex(FileHandle.standardError)

    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    public var logLevel: Logger.Level = .info
    private let label: String

    /// Makes a handler for a logger.
    public init(label: String) {
        self.label = label
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        let line = Self.line(
            label: label, level: event.level, message: "\(event.message)",
            metadata: metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(event.metadata ?? [:]) { $1 },
            at: .now)
        Self.output.withLock { $0.write(Data(line.utf8)) }
    }

    /// Makes the line, with its line feed.
    static func line(
        label: String, level: Logger.Level, message: String, metadata: Logger.Metadata, at time: Date
    ) -> String {
        let stamp = time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        var fields = [("time", stamp), ("level", level.rawValue), ("logger", label), ("message", message)]
        let taken = Set(fields.map(\.0))
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            fields.append((taken.contains(key) ? "metadata_\(key)" : key, "\(value)"))
        }
        return "{" + fields.map { "\(quoted($0.0)):\(quoted($0.1))" }.joined(separator: ",") + "}\n"
    }

    /// A JSON string (RFC 8259 section 7).
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
