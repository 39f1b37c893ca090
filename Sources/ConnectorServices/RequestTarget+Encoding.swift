extension String {
    /// The request target with every byte that no URI may hold percent-encoded, and nothing else changed.
    ///
    /// `URL` would do the same, but it encodes the percent signs of a target anew as soon as one byte needs it, so that
    /// the service would be asked for something else than the policy judged.
    var asURITarget: String {
        let bytes = Array(utf8)
        guard !bytes.indices.allSatisfy({ Self.mayStand(bytes, $0) }) else { return self }
        var encoded: [UInt8] = []
        for index in bytes.indices {
            guard !Self.mayStand(bytes, index) else {
                encoded.append(bytes[index])
                continue
            }
            let digits = String(bytes[index], radix: 16, uppercase: true)
            encoded += Array("%\(digits.count < 2 ? "0" : "")\(digits)".utf8)
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// Whether the byte may stand in a path or query (RFC 3986 sections 3.3 and 3.4).
    private static func mayStand(_ bytes: [UInt8], _ index: Int) -> Bool {
        switch bytes[index] {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        case UInt8(ascii: "%"):
            index + 2 < bytes.count && bytes[index + 1].isHexadecimalDigit && bytes[index + 2].isHexadecimalDigit
        default:
            "-._~!$&'()*+,;=:@/?".utf8.contains(bytes[index])
        }
    }
}

extension UInt8 {
    /// Whether the byte is one of 0-9, a-f and A-F.
    var isHexadecimalDigit: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
