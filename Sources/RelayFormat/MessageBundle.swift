/// Several messages of one kind that travel as one: under one header, one seal, in one record.
///
/// The header is flagged, and has neither attempt nor correlation; those stand in front of each body: attempt 4 ·
/// correlation 16 · the body as a block.
public enum MessageBundle {
    /// How many bytes a message takes in a bundle besides its body.
    public static let overhead = 24

    /// One of them: the attempt and the request that it is about, and its body.
    public typealias Element = (attempt: UInt32, correlation: RequestID, body: [UInt8])

    /// The body of a bundle of these messages, in their order.
    public static func body(of messages: [Element]) -> [UInt8] {
        var writer = ByteWriter(capacity: messages.reduce(0) { $0 + overhead + $1.body.count })
        for message in messages {
            writer.write(message.attempt)
            writer.write(message.correlation)
            writer.write(block: message.body)
        }
        return writer.finish()
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
