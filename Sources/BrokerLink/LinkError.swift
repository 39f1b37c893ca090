/// Why a link was not made, or ended.
public struct LinkError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The closed list of reasons; two errors are equal when their reasons are.
    public enum Code: Sendable, Hashable {
        /// No connection came about: name, network, proxy, TLS or HTTP.
        case unreachable
        /// The server ended the link and said why.
        case refused(LinkRefusal)
        /// The connection broke.
        case lost
        /// Nothing was heard for too long.
        case silent
        /// The other end sent what the protocol does not have.
        case malformed
        /// No credential could be had.
        case credential
        /// This end closed the link.
        case closed
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

    /// Whether connecting again is of no use.
    public var isFatal: Bool {
        if case .refused(let refusal) = code { refusal.isFatal } else { code == .closed }
    }

    public var description: String { "\(code): \(message)" }

    public static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
