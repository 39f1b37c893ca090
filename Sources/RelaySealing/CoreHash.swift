internal import Crypto

/// The SHA-256 hash of an epoch's core, which names the epoch and all that is in it.
public struct CoreHash: Sendable, Hashable, CustomStringConvertible {
    /// How many bytes it has.
    public static let size = 32
    /// What stands for the core before the first one.
    public static let none = CoreHash(unchecked: [UInt8](repeating: 0, count: size))

    /// The bytes.
    public let bytes: [UInt8]

    /// Takes 32 bytes; nil for any other number of them.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.size else { return nil }
        self.bytes = Array(bytes)
    }

    init(of core: [UInt8]) { bytes = Array(SHA256.hash(data: core)) }

    private init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    /// The first eight bytes in hexadecimal, for people.
    public var description: String {
        bytes.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
