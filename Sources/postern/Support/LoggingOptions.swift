internal import ArgumentParser
internal import Foundation
internal import Logging
internal import StructuredLogging

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
        let format: LogFormat =
            switch logFormat {
            case .auto: .standard
            case .text: .text
            case .json: .json
            }
        return format.logger(label: label, level: quiet ? .error : Logger.Level(rawValue: logLevel) ?? .info)
    }
}
