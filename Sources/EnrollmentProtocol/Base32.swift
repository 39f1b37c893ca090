/// Bytes as lower-case base32 without padding (RFC 4648 section 6).
public enum Base32 {
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    /// Writes bytes.
    public static func text(of bytes: some Sequence<UInt8>) -> String {
        var characters: [UInt8] = []
        var held: UInt32 = 0
        var width: UInt32 = 0
        for byte in bytes {
            held = (held << 8 | UInt32(byte)) & 0xffff
            width += 8
            while width >= 5 {
                width -= 5
                characters.append(alphabet[Int((held >> width) & 31)])
            }
        }
        if width > 0 { characters.append(alphabet[Int((held << (5 - width)) & 31)]) }
        return String(decoding: characters, as: UTF8.self)
    }

    /// Reads bytes; nil for other characters, an impossible length, or unused bits that are not zero.
    public static func bytes(of text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        var held: UInt32 = 0
        var width: UInt32 = 0
        for character in text.utf8 {
            let value: UInt8
            switch character {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = character - UInt8(ascii: "a")
            case UInt8(ascii: "2")...UInt8(ascii: "7"): value = character - UInt8(ascii: "2") + 26
            default: return nil
            }
            held = (held << 5 | UInt32(value)) & 0xffff
            width += 5
            if width >= 8 {
                width -= 8
                bytes.append(UInt8(truncatingIfNeeded: held >> width))
            }
        }
        guard width < 5, held & ((1 << width) - 1) == 0 else { return nil }
        return bytes
    }
}
