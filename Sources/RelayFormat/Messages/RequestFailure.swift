/// Why a request has no answer of its service.
public struct RequestFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The closed list of reasons, stable on the wire and, by name, in the HTTP API.
    public enum Code: UInt8, Sendable, CaseIterable {
        /// No live connector of the group; nothing ran.
        case noConnector = 1
        /// The deadline passed and nothing had been started.
        case deadlineExceeded = 2
        /// The connector's own policy forbids the request; nothing ran.
        case deniedByPolicy = 3
        /// No connector of the group offers the service; nothing ran.
        case serviceUnknown = 4
        /// The connector could not reach the service's target; nothing ran.
        case targetUnreachable = 5
        /// It may have run, and it may not have.
        case outcomeUnknown = 6
        /// A limit was reached before anything was started.
        case overloaded = 7
        /// The service ran and answered with more than fits into a message.
        case responseTooLarge = 8
        /// The service accepted the connection and broke the protocol, or ended it before its answer was whole.
        case targetFailed = 9
        /// It was cancelled before anything was started, or was `safe`.
        case cancelled = 10
        /// Its connector ended while it ran, as often as the limit allows; it is kept with its history.
        case deadLetter = 11
    }

    /// The reason.
    public let code: Code
    /// What was seen, for people; holds no secrets.
    public let detail: String

    /// Makes a failure.
    public init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    public var description: String { "\(code.name): \(detail)" }
}

extension RequestFailure.Code {
    /// The name used in the HTTP API.
    public var name: String {
        switch self {
        case .noConnector: "no_connector"
        case .deadlineExceeded: "deadline_exceeded"
        case .deniedByPolicy: "denied_by_policy"
        case .serviceUnknown: "service_unknown"
        case .targetUnreachable: "target_unreachable"
        case .outcomeUnknown: "outcome_unknown"
        case .overloaded: "overloaded"
        case .responseTooLarge: "response_too_large"
        case .targetFailed: "target_failed"
        case .cancelled: "cancelled"
        case .deadLetter: "dead_letter"
        }
    }
}
