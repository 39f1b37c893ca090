/// Why a configuration is refused: where, what, and what would be right.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    /// The place in the file, as `services.intranet.target`.
    public let key: String
    /// What is wrong with it, and what would be right.
    public let message: String

    /// Makes an error.
    public init(_ key: String, _ message: String) {
        self.key = key
        self.message = message
    }

    public var description: String { key.isEmpty ? message : "\(key): \(message)" }
}
