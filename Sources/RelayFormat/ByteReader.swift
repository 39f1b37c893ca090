/// Reads what `ByteWriter` wrote, never past the end and never more than the input could hold.
public struct ByteReader: ~Copyable {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    /// Starts at the first of the given bytes.
    public init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    /// How many bytes are left.
    public var remaining: Int { bytes.endIndex - position }

    /// Checks that nothing is left.
    ///
    /// - Throws: `trailingBytes` if there is.
    public func expectEnd(of field: @autoclosure () -> String) throws(RelayFormatError) {
        guard remaining == 0 else { throw RelayFormatError(.trailingBytes, in: field()) }
    }

    /// Takes the next `count` bytes.
    public mutating func read(count: Int, field: String) throws(RelayFormatError) -> ArraySlice<UInt8> {
        guard count <= remaining else { throw RelayFormatError(.truncated, in: field) }
        defer { position += count }
        return bytes[position..<position + count]
    }

    /// Reads an integer, big-endian, in its own width.
    public mutating func read<Value: FixedWidthInteger>(
        _ type: Value.Type = Value.self, field: String
    ) throws(RelayFormatError) -> Value {
        let width = MemoryLayout<Value>.size
        let slice = try read(count: width, field: field)
        return slice.withUnsafeBytes { Value(bigEndian: $0.loadUnaligned(as: Value.self)) }
    }

    /// Reads the 16 bytes of an identifier.
    public mutating func read<Tag>(
        _ type: Identifier<Tag>.Type = Identifier<Tag>.self, field: String
    ) throws(RelayFormatError) -> Identifier<Tag> {
        let high = try read(UInt64.self, field: field)
        return Identifier(high: high, low: try read(UInt64.self, field: field))
    }

    /// Reads a moment.
    public mutating func readTime(field: String) throws(RelayFormatError) -> RelayTime {
        RelayTime(milliseconds: try read(UInt64.self, field: field))
    }

    /// Reads bytes whose length in 4 bytes stands before them.
    public mutating func readBlock(field: String) throws(RelayFormatError) -> ArraySlice<UInt8> {
        let count = try read(UInt32.self, field: field)
        return try read(count: Int(count), field: field)
    }

    /// Reads UTF-8 text whose length in 2 bytes stands before it.
    public mutating func readText(field: String) throws(RelayFormatError) -> String {
        let count = try read(UInt16.self, field: field)
        let slice = try read(count: Int(count), field: field)
        guard let text = String(validating: slice, as: UTF8.self) else {
            throw RelayFormatError(.malformedText, in: field)
        }
        return text
    }

    /// Reads the count of a list, each of whose elements takes at least `minimumSize` bytes.
    public mutating func readCount(minimumSize: Int, field: String) throws(RelayFormatError) -> Int {
        let count = Int(try read(UInt16.self, field: field))
        guard count * minimumSize <= remaining else { throw RelayFormatError(.truncated, in: field) }
        return count
    }
}
