internal import Crypto

/// The SHA-256 of a public key (of its SubjectPublicKeyInfo in DER, as in RFC 7469).
public struct Pin: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The 32 bytes of the digest.
    public let bytes: [UInt8]

    /// Makes the pin of a public key, given as SubjectPublicKeyInfo in DER.
    public init(publicKeyDER: some Sequence<UInt8>) {
        bytes = Array(SHA256.hash(data: Array(publicKeyDER)))
    }

    /// Takes a digest over; nil unless it has 32 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    /// Reads `sha256:` and 64 hexadecimal digits.
    public init?(_ text: some StringProtocol) {
        guard text.hasPrefix("sha256:"), text.utf8.count == 71 else { return nil }
        var halves: [UInt8] = []
        for digit in text.utf8.dropFirst(7) {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): halves.append(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): halves.append(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        bytes = (0..<32).map { halves[2 * $0] << 4 | halves[2 * $0 + 1] }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let pin = Pin(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a pin")
        }
        self = pin
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    public var description: String {
        let digits = Array("0123456789abcdef".utf8)
        let hexadecimal = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return "sha256:" + String(decoding: hexadecimal, as: UTF8.self)
    }
}
