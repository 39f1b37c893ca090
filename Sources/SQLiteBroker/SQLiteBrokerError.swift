/// Why a queue could not be opened.
public struct SQLiteBrokerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The closed list of reasons; two errors are equal when their reasons are.
    public enum Code: Sendable, Hashable {
        /// The file cannot be made, read or brought to this version's form.
        case cannotOpen
        /// SQLite would not promise that what is committed is on disk.
        case notDurable
    }

    /// The reason.
    public let code: Code
    /// What was seen, for people.
    public let message: String

    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "\(code): \(message)" }

    public static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
