/// A whole message as it travels: the header, then the body.
///
/// The body is opened in one place on each side, so that sealing changes no caller.
public struct Envelope: Sendable, Equatable {
    /// The part that a broker may read.
    public var header: RelayHeader
    /// The part that only the parties read.
    public var body: ArraySlice<UInt8>

    /// Joins a header and a body.
    public init(header: RelayHeader, body: ArraySlice<UInt8>) {
        self.header = header
        self.body = body
    }

    /// Makes the bytes of a message with the given body.
    ///
    /// - Throws: what the body's own encoding throws.
    public static func encode(
        _ header: RelayHeader, _ body: some MessageBody
    ) throws(RelayFormatError) -> [UInt8] {
        var writer = ByteWriter(capacity: RelayHeader.size + body.encodedSizeHint)
        header.encode(into: &writer)
        try body.encode(into: &writer)
        return writer.finish()
    }

    /// Splits the bytes of a message.
    ///
    /// - Throws: what the header's decoding throws.
    public init(decoding bytes: [UInt8]) throws(RelayFormatError) {
        var reader = ByteReader(bytes[...])
        header = try RelayHeader(from: &reader)
        body = bytes[RelayHeader.size...]
    }

    /// Reads the body as the given type, to its last byte.
    ///
    /// - Throws: what the body's own decoding throws; `trailingBytes` when something follows it.
    public func decode<Body: MessageBody>(_ type: Body.Type) throws(RelayFormatError) -> Body {
        var reader = ByteReader(body)
        let value = try Body(from: &reader)
        try reader.expectEnd(of: "\(header.kind)")
        return value
    }
}

/// The body of one kind of message in the fixed binary layout.
public protocol MessageBody: Sendable {
    /// About how many bytes `encode` will write.
    var encodedSizeHint: Int { get }
    /// Appends the body.
    func encode(into writer: inout ByteWriter) throws(RelayFormatError)
    /// Reads the body.
    init(from reader: inout ByteReader) throws(RelayFormatError)
}
