/// Why the running connector does not carry an order out.
public struct ControlRefusal: Error, Codable, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, for people.
    public var message: String

    /// Makes a refusal.
    public init(_ message: String) {
        self.message = message
    }

    public var description: String { message }
}
