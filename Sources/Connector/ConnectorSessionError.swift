/// Why a session ended for good although nobody told it to stop.
public struct ConnectorSessionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The reasons.
    public enum Code: Sendable, Hashable {
        /// Another process of the same identity has taken its place; starting again would only take it back.
        case replaced
    }

    /// The reason.
    public let code: Code
    /// What was said, for people.
    public let message: String

    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
