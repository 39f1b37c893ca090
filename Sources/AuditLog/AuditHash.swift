internal import Crypto

/// A SHA-256 digest: of an entry, of a node, or of a whole log.
public struct AuditHash: Hashable, Sendable, CustomStringConvertible {
    /// How many bytes one has.
    public static let byteCount = 32

    /// The bytes.
    public let bytes: [UInt8]

    /// Takes 32 bytes; nil for any other number of them.
    public init?(_ bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
        guard self.bytes.count == Self.byteCount else { return nil }
    }

    /// Reads 64 hexadecimal digits; nil for anything else.
    public init?(hex text: some StringProtocol) {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count == 2 * Self.byteCount, text.utf8.count == digits.count else { return nil }
        self.init(stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) })
    }

    private init(digest: SHA256.Digest) { bytes = Array(digest) }

    /// The hash of a log without entries (RFC 6962 section 2.1).
    public static let empty = AuditHash(digest: SHA256.hash(data: [UInt8]()))

    /// The hash of an entry (RFC 6962 section 2.1).
    public static func leaf(_ entry: [UInt8]) -> AuditHash {
        var hash = SHA256()
        hash.update(data: [0])
        hash.update(data: entry)
        return AuditHash(digest: hash.finalize())
    }

    /// The hash of a node with two children (RFC 6962 section 2.1).
    public static func node(_ left: AuditHash, _ right: AuditHash) -> AuditHash {
        var hash = SHA256()
        hash.update(data: [1])
        hash.update(data: left.bytes)
        hash.update(data: right.bytes)
        return AuditHash(digest: hash.finalize())
    }

    /// The digits, 64 of them.
    public var description: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
