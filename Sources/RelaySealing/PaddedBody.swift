internal import RelayFormat

/// A body as it is sealed: its length, itself, and zeroes up to a size that says little about it.
enum PaddedBody {
    private static let lengthSize = 4
    private static let step = 80 * 1024
    /// A quarter above powers of two, since those are what bodies often are, without what travels with them.
    private static let classes = [320, 1280, 2560, 5120, 10240, 20480, 40960, step]
    /// The largest size.
    static let largest = 4 * step

    /// The size for so many bytes, the length counted in; nil for more than a message takes.
    static func size(for count: Int) -> Int? {
        let whole = count + lengthSize
        guard whole <= largest else { return nil }
        return classes.first { whole <= $0 } ?? (whole + step - 1) / step * step
    }

    /// Whether something padded can have that size.
    static func isSize(_ size: Int) -> Bool {
        classes.contains(size) || size > step && size <= largest && size % step == 0
    }

    /// Writes a body into a buffer of the size that `size` gave for it.
    static func pad(_ body: [UInt8], into buffer: UnsafeMutableRawBufferPointer) {
        buffer.storeBytes(of: UInt32(body.count).bigEndian, as: UInt32.self)
        body.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[lengthSize...]).copyMemory(from: $0) }
        UnsafeMutableRawBufferPointer(rebasing: buffer[(lengthSize + body.count)...])
            .initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// Takes the body out; nil unless the padding is zero and the size the one that belongs to the length.
    static func unpad(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        guard bytes.count >= lengthSize else { return nil }
        let length = Int(UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)))
        guard size(for: length) == bytes.count else { return nil }
        let padding = bytes[(lengthSize + length)...]
        var seen: UInt64 = 0
        var position = padding.startIndex
        while position + 8 <= padding.endIndex {
            seen |= bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            position += 8
        }
        while position < padding.endIndex {
            seen |= UInt64(bytes[position])
            position += 1
        }
        guard seen == 0 else { return nil }
        return Array(bytes[lengthSize..<lengthSize + length])
    }
}
