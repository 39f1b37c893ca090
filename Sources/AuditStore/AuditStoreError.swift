/// Why something could not be put on record, or be read from it.
public struct AuditStoreError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong, for programs.
    public enum Code: String, Sendable {
        /// The file cannot be written or read just now; another try may succeed.
        case unavailable
        /// The file is not what it was.
        case damaged
    }

    /// What is wrong, for programs.
    public let code: Code
    /// What is wrong, for people.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
