internal import NIOCore
internal import RelayFormat

/// The writing counterpart of `LinkReader`.
extension ByteBuffer {
    mutating func write<Tag>(_ identifier: Identifier<Tag>) {
        writeInteger(identifier.high)
        writeInteger(identifier.low)
    }

    mutating func write(_ time: RelayTime) { writeInteger(time.milliseconds) }

    mutating func write(_ flag: Bool) { writeInteger(flag ? 1 : 0 as UInt8) }

    mutating func write(block: [UInt8]) {
        writeInteger(UInt32(clamping: block.count))
        writeBytes(block)
    }

    /// Writes text with its length; what is beyond 4,096 bytes is cut off at a character's border.
    mutating func write(text: String) {
        var text = text[...]
        while text.utf8.count > 4096 { text = text.prefix(text.count / 2) }
        writeInteger(UInt16(text.utf8.count))
        writeString(String(text))
    }

    /// Writes a credential's token, which its maker keeps below 65,536 bytes.
    mutating func write(token: String) {
        let bytes = Array(token.utf8.prefix(Int(UInt16.max)))
        writeInteger(UInt16(bytes.count))
        writeBytes(bytes)
    }

    mutating func write<Element>(list: [Element], _ element: (inout ByteBuffer, Element) -> Void) {
        writeInteger(UInt32(clamping: list.count))
        for each in list { element(&self, each) }
    }
}
