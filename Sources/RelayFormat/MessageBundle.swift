/// Several messages of one kind that travel as one: under one header, one seal, in one record.
///
/// The header is flagged, and has neither attempt nor correlation; those stand in front of each body: attempt 4 ·
/// correlation 16 · the body as a block.
public enum MessageBundle {
    /// How many bytes a message takes in a bundle besides its body.
    public static let overhead = 24

    /// Appends a message to the body of a bundle.
    public static func append(
        attempt: UInt32, correlation: RequestID, body: [UInt8], to writer: inout ByteWriter
    ) {
        writer.write(attempt)
        writer.write(correlation)
        writer.write(block: body)
    }
}

extension Envelope {
    /// The messages in it: those of a bundle, each under a header of its own, or itself.
    ///
    /// - Throws: `truncated` for a bundle that ends within a message, or has none.
    public func unbundled() throws(RelayFormatError) -> [Envelope] {
        guard header.isBundle else { return [self] }
        var reader = ByteReader(body)
        var header = header
        header.isBundle = false
        var messages: [Envelope] = []
        repeat {
            header.attempt = try reader.read(field: "attempt")
            header.correlation = try reader.read(field: "correlation")
            messages.append(Envelope(header: header, body: try reader.readBlock(field: "bundled body")))
        } while reader.remaining > 0
        return messages
    }
}
