/// Why a broker did not do what it was asked.
public struct BrokerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The closed list of reasons; two errors are equal when their reasons are.
    public enum Code: Sendable, Hashable {
        /// The record is certainly not stored; sending it again is safe.
        case notPersisted
        /// The record may be stored and may not; the relay protocol is proof against sending it again.
        case unknown
        /// A limit was reached; worth another try after the given time.
        case overloaded(retryAfter: Duration)
        /// The lease belongs to another by now.
        case fenced
        /// The broker, the subscription or the inbox is closed.
        case closed
        /// The credential does not allow it.
        case denied
        /// This broker never can.
        case notSupported
        /// The record is larger than the broker takes.
        case tooLarge
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

    /// Whether the same call may succeed later.
    public var isRetryable: Bool {
        switch code {
        case .notPersisted, .unknown, .overloaded: true
        case .fenced, .closed, .denied, .notSupported, .tooLarge: false
        }
    }

    /// Whether the broker object is of no use any more.
    public var isFatal: Bool { code == .closed || code == .denied }

    public var description: String { "\(code): \(message)" }

    public static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
