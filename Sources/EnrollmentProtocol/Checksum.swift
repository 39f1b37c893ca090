/// A CRC-32 (ISO-HDLC) that finds typos in texts that people copy; it protects against nothing else.
enum Checksum {
    static func bytes(of bytes: some Sequence<UInt8>) -> [UInt8] {
        var register = UInt32.max
        for byte in bytes {
            register ^= UInt32(byte)
            for _ in 0..<8 { register = register & 1 == 1 ? (register >> 1) ^ 0xedb8_8320 : register >> 1 }
        }
        let value = ~register
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
