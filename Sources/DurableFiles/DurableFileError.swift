/// Why a file could not be made or opened.
public struct DurableFileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file, and what the system said.
    public let message: String

    init(_ message: String) {
        self.message = message
    }

    public var description: String { message }
}
