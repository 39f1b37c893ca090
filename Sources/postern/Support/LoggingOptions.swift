internal import ArgumentParser
internal import Foundation
internal import Logging

/// How much is logged, and in which form.
struct LoggingOptions: ParsableArguments {
    enum Form: String, ExpressibleByArgument, CaseIterable {
        case auto, text, json
    }

    @Option(help: "The least level that is logged: trace, debug, info, notice, warning, error, critical.")
    var logLevel = ProcessInfo.processInfo.environment["POSTERN_LOG_LEVEL"] ?? "info"

    @Option(help: "The form of the log on standard error; auto is text on a terminal and JSON otherwise.")
    var logFormat = Form.auto

    func validate() throws {
        guard Logger.Level(rawValue: logLevel) != nil else {
            throw ValidationError("\"\(logLevel)\" is no log level")
        }
    }

    /// Makes a logger; a quiet one shows errors alone.
    func logger(label: String, quiet: Bool = false) -> Logger {
        let isText = logFormat == .text || (logFormat == .auto && isatty(STDERR_FILENO) == 1)
        var handler = LineLogHandler(label: label, isText: isText)
        handler.logLevel = quiet ? .error : Logger.Level(rawValue: logLevel) ?? .info
        return Logger(label: label) { _ in handler }
    }
}
