/// Why bytes are not a message of the relay protocol, or a message is not expressible in bytes.
public struct RelayFormatError: Error, Equatable, CustomStringConvertible {
    /// The closed list of reasons, stable for counting.
    public enum Code: String, Sendable {
        /// Fewer bytes than the layout asks for.
        case truncated
        /// Bytes remain after the message's end.
        case trailingBytes
        /// The magic number or the version is not ours.
        case foreign
        /// A code point that this version does not know.
        case unknownValue
        /// A length beyond what the format allows.
        case tooLarge
        /// Text that is not UTF-8, or that holds what the field forbids.
        case malformedText
    }

    /// The reason.
    public let code: Code
    /// The field in which it was met.
    public let field: String

    /// Makes an error for one field.
    public init(_ code: Code, in field: String) {
        self.code = code
        self.field = field
    }

    public var description: String { "\(code.rawValue) in \(field)" }
}
