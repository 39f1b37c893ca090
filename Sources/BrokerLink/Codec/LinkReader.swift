internal import BrokerCore
internal import NIOCore
internal import RelayFormat

/// Reads the fields of a link message, never past its end and never more than the input could hold.
struct LinkReader {
    private var buffer: ByteBuffer

    init(_ buffer: ByteBuffer) {
        self.buffer = buffer
    }

    var remaining: Int { buffer.readableBytes }

    func expectEnd() throws(LinkError) {
        guard remaining == 0 else { throw LinkError(.malformed, "bytes after the end of a message") }
    }

    mutating func integer<Value: FixedWidthInteger>(
        _ field: String, as type: Value.Type = Value.self
    ) throws(LinkError) -> Value {
        guard let value = buffer.readInteger(as: Value.self) else { throw Self.truncated(field) }
        return value
    }

    mutating func part(_ count: Int, _ field: String) throws(LinkError) -> LinkReader {
        guard let slice = buffer.readSlice(length: count) else { throw Self.truncated(field) }
        return LinkReader(slice)
    }

    mutating func bytes(_ count: Int, _ field: String) throws(LinkError) -> [UInt8] {
        guard let bytes = buffer.readBytes(length: count) else { throw Self.truncated(field) }
        return bytes
    }

    /// Reads bytes whose length in 4 bytes stands before them.
    mutating func block(_ field: String) throws(LinkError) -> [UInt8] {
        try bytes(Int(integer(field, as: UInt32.self)), field)
    }

    /// Reads UTF-8 text whose length in 2 bytes stands before it.
    mutating func text(_ field: String) throws(LinkError) -> String {
        let bytes = try bytes(Int(integer(field, as: UInt16.self)), field)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw LinkError(.malformed, "\(field) is not UTF-8")
        }
        return text
    }

    mutating func identifier<Tag>(_ field: String) throws(LinkError) -> Identifier<Tag> {
        let high = try integer(field, as: UInt64.self)
        return Identifier(high: high, low: try integer(field, as: UInt64.self))
    }

    mutating func time(_ field: String) throws(LinkError) -> RelayTime {
        RelayTime(milliseconds: try integer(field))
    }

    mutating func flag(_ field: String) throws(LinkError) -> Bool {
        switch try integer(field, as: UInt8.self) {
        case 0: false
        case 1: true
        default: throw Self.unknown(field)
        }
    }

    mutating func choice<Choice: RawRepresentable>(
        _ field: String
    ) throws(LinkError) -> Choice where Choice.RawValue == UInt8 {
        guard let choice = Choice(rawValue: try integer(field)) else { throw Self.unknown(field) }
        return choice
    }

    /// Reads a list whose count in 4 bytes stands before it, and each of whose elements takes at least `minimum` bytes.
    mutating func list<Element>(
        minimum: Int, _ field: String, _ element: (inout LinkReader) throws(LinkError) -> Element
    ) throws(LinkError) -> [Element] {
        let count = Int(try integer(field, as: UInt32.self))
        guard count <= remaining / minimum else { throw Self.truncated(field) }
        var elements: [Element] = []
        elements.reserveCapacity(count)
        for _ in 0..<count { elements.append(try element(&self)) }
        return elements
    }

    static func truncated(_ field: String) -> LinkError { LinkError(.malformed, "\(field) is cut short") }
    static func unknown(_ field: String) -> LinkError { LinkError(.malformed, "\(field) has an unknown value") }
}
