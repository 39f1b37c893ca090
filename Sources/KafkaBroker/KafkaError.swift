/// Why something could not be done with a Kafka cluster.
public struct KafkaError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The closed list of reasons; two errors are equal when their reasons are.
    public enum Code: Sendable, Hashable {
        /// A setting is wrong, or does not fit another.
        case configuration
        /// No server answers.
        case unreachable
        /// The cluster does not believe who we are.
        case authentication
        /// The cluster knows us and does not let us.
        case denied
        /// A topic, or a partition of it, is not there.
        case missing
        /// The cluster answered that it cannot just now.
        case unavailable
        /// This end closed the handle.
        case closed
    }

    /// The reason.
    public let code: Code
    /// What was seen, for people.
    public let message: String
    /// The number that librdkafka or the cluster gave, 0 for none.
    public let number: Int32

    /// Makes an error.
    public init(_ code: Code, _ message: String, number: Int32 = 0) {
        self.code = code
        self.message = message
        self.number = number
    }

    /// Whether the same call may succeed later.
    public var isRetryable: Bool { code == .unreachable || code == .unavailable || code == .missing }

    /// Whether trying again is of no use until somebody has changed something.
    public var isFatal: Bool { code == .configuration || code == .authentication || code == .denied || code == .closed }

    public var description: String { number == 0 ? "\(code): \(message)" : "\(code): \(message) (\(number))" }

    public static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
