/// Why a text or a message of the enrollment API could not be read.
public struct EnrollmentProtocolError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of this error.
    public struct Code: Sendable, Equatable {
        private enum Value: Sendable {
            case malformedJSON, unknownField, invalidField, malformedSecret, malformedInvitation
        }
        private let value: Value

        /// Not JSON, or not a JSON object.
        public static let malformedJSON = Code(value: .malformedJSON)
        /// A field that the request does not have.
        public static let unknownField = Code(value: .unknownField)
        /// A field is missing, of another type, or out of its bounds.
        public static let invalidField = Code(value: .invalidField)
        /// A secret with a wrong prefix, length or checksum.
        public static let malformedSecret = Code(value: .malformedSecret)
        /// An invitation with a wrong prefix, length or checksum.
        public static let malformedInvitation = Code(value: .malformedInvitation)
    }

    /// What kind of error it is.
    public var code: Code
    /// What happened, for people; never holds the text that was read.
    public var message: String
    /// The field at fault, where there is one.
    public var field: String?

    /// Makes an error.
    public init(_ code: Code, _ message: String, field: String? = nil) {
        self.code = code
        self.message = message
        self.field = field
    }

    public static func == (left: Self, right: Self) -> Bool { left.code == right.code }

    public var description: String { message }
}
