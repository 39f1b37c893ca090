internal import Crypto

/// A text that must not be seen: it prints as `***`, also inside of other values.
public struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: String

    /// Hides a text.
    public init(_ value: String) { self.value = value }

    /// The text, for the one place that sends or stores it.
    public func reveal() -> String { value }

    public var description: String { "***" }
    public var debugDescription: String { "***" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Secret: Equatable {
    /// Compares digests, so that the time taken says nothing about where two secrets differ.
    public static func == (left: Secret, right: Secret) -> Bool {
        SHA256.hash(data: Array(left.value.utf8)) == SHA256.hash(data: Array(right.value.utf8))
    }
}

extension Secret: Codable {
    /// Reads the text itself: messages carry secrets in the open, inside TLS.
    public init(from decoder: any Decoder) throws {
        value = try decoder.singleValueContainer().decode(String.self)
    }

    /// Writes the text itself.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}
