/// Appends the fixed binary layout of the relay protocol to an array: integers big-endian, text and bytes by length first.
public struct ByteWriter: ~Copyable {
    /// What was written so far.
    public private(set) var bytes: [UInt8]

    /// Starts an empty message with room for `capacity` bytes.
    public init(capacity: Int = 256) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Ends the writing and hands the bytes over.
    public consuming func finish() -> [UInt8] { bytes }

    /// Writes so many bytes, all of which the body puts into the buffer.
    mutating func write(count: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
        withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) { buffer in
            body(buffer)
            bytes.append(contentsOf: buffer)
        }
    }

    /// Writes an integer, big-endian, in its own width.
    public mutating func write(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Writes the 16 bytes of an identifier.
    public mutating func write<Tag>(_ identifier: Identifier<Tag>) {
        write(identifier.high)
        write(identifier.low)
    }

    /// Writes a moment as 8 bytes of milliseconds.
    public mutating func write(_ time: RelayTime) { write(time.milliseconds) }

    /// Writes bytes as they are, with no length before them.
    public mutating func write(raw slice: some Collection<UInt8>) { bytes.append(contentsOf: slice) }

    /// Writes bytes with their length in 4 bytes before them.
    public mutating func write(block: some Collection<UInt8>) {
        write(UInt32(clamping: block.count))
        bytes.append(contentsOf: block)
    }

    /// Writes text as UTF-8 with its length in 2 bytes before it.
    ///
    /// - Throws: `tooLarge` for text of more than 65,535 bytes.
    public mutating func write(text: String, field: String) throws(RelayFormatError) {
        let count = text.utf8.count
        guard let length = UInt16(exactly: count) else { throw RelayFormatError(.tooLarge, in: field) }
        write(length)
        bytes.append(contentsOf: text.utf8)
    }

    /// Writes the count of a list in 2 bytes.
    ///
    /// - Throws: `tooLarge` for more than 65,535 elements.
    public mutating func write(count: Int, field: String) throws(RelayFormatError) {
        guard let length = UInt16(exactly: count) else { throw RelayFormatError(.tooLarge, in: field) }
        write(length)
    }
}
