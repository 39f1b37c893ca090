/// Why metrics cannot be served.
public struct MetricsExportError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong and what would be right.
    public let message: String

    init(_ message: String) {
        self.message = message
    }

    public var description: String { message }
}
