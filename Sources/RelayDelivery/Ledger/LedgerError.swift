/// Why requests on disk, of a dispatcher's ledger or a connector's journal, could not be written or read.
public struct LedgerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The reasons.
    public enum Code: Sendable, Equatable {
        /// A bound is reached: as many requests, or bytes, as may be kept.
        case full
        /// The disk did not take it, or did not give it; trying again may help.
        case unavailable
        /// What is stored cannot be read, or is not of this version.
        case damaged
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

    public var description: String { message }
}
