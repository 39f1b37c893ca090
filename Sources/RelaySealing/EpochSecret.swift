internal import Crypto

/// The 32 random bytes from which all keys of an epoch come; it prints as `***`.
public struct EpochSecret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// How many bytes it has.
    public static let size = 32

    let key: SymmetricKey

    /// Draws a secret from the system's randomness.
    public init() { key = SymmetricKey(size: .bits256) }

    /// Takes 32 bytes.
    ///
    /// - Throws: `malformed` for any other number of them.
    public init(rawRepresentation: some Collection<UInt8>) throws(SealingError) {
        guard rawRepresentation.count == Self.size else {
            throw SealingError(.malformed, "an epoch secret has another size than 32 bytes")
        }
        key = SymmetricKey(data: Array(rawRepresentation))
    }

    /// The bytes, for the one place that seals them.
    var bytes: [UInt8] { key.withUnsafeBytes { Array($0) } }

    public var description: String { "***" }
    public var debugDescription: String { "***" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
