internal import Foundation
internal import Logging

/// Writes each event as one line to standard error: text for people or a JSON object for programs.
struct LineLogHandler: LogHandler {
    let label: String
    let isText: Bool
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(label: String, isText: Bool) {
        self.label = label
        self.isText = isText
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        if let error = event.error { all["error"] = "\(error)" }
        let time = Date().formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true))
        let line = isText ? text(event, all, time: time) : json(event, all, time: time)
        // One write for one line, so that lines of several threads do not mix.
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }

    private func text(_ event: LogEvent, _ metadata: Logger.Metadata, time: String) -> String {
        let details = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        return "\(time) \(event.level.rawValue) \(event.message)\(details)"
    }

    private func json(_ event: LogEvent, _ metadata: Logger.Metadata, time: String) -> String {
        var object = metadata.mapValues { "\($0)" }
        object["time"] = time
        object["level"] = event.level.rawValue
        object["logger"] = label
        object["message"] = "\(event.message)"
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(object)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
