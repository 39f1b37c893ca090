internal import Foundation
public import Logging

/// How a program's log lines are written; always to standard error.
public enum LogFormat: String, Sendable, CaseIterable {
    /// Lines for people.
    case text
    /// One JSON object a line, for programs.
    case json

    /// Text on a terminal, JSON otherwise.
    public static var standard: LogFormat { isatty(STDERR_FILENO) != 0 ? .text : .json }

    /// Makes a logger.
    public func logger(label: String, level: Logger.Level) -> Logger {
        var logger = Logger(label: label) { LineLogHandler(label: $0, format: self) }
        logger.logLevel = level
        return logger
    }
}
