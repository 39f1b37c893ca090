/// The serial number of a certificate: 20 random bytes, positive (RFC 5280 section 4.1.2.2).
public struct SerialNumber: Sendable, Hashable, CustomStringConvertible {
    /// The 20 bytes, big endian; the first is 0x40 to 0x7f, so that the encoding is 20 bytes long as well.
    public let bytes: [UInt8]

    /// Reads 40 hexadecimal digits; nil for anything else.
    public init?(_ text: String) {
        var bytes: [UInt8] = []
        var rest = text[...]
        while rest.count >= 2, let byte = UInt8(rest.prefix(2), radix: 16), rest.first != "+" {
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        guard rest.isEmpty, bytes.count == 20, bytes[0] & 0x80 == 0 else { return nil }
        self.bytes = bytes
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    /// Draws a serial number from the given source of randomness.
    public static func random(using generator: inout some RandomNumberGenerator) -> Self {
        var bytes = (0..<20).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        bytes[0] = bytes[0] & 0x3f | 0x40
        return Self(bytes: bytes)
    }

    /// Draws a serial number from the system's source of randomness.
    public static func random() -> Self {
        var generator = SystemRandomNumberGenerator()
        return random(using: &generator)
    }

    /// The 40 lower-case hexadecimal digits.
    public var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
