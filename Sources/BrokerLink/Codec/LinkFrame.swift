internal import NIOCore

/// The content of one binary WebSocket frame: a version byte, then messages of code (1), length (4) and body.
enum LinkFrame {
    /// The version that every frame begins with.
    static let version: UInt8 = 1
    /// The largest frame that is taken.
    static let largest = 2 << 20
    /// From this size on a new frame is begun; one message on top of it fits into `largest`.
    static let full = 1 << 20
    private static let messageHead = 5

    /// Packs messages into as few frames as their sizes allow, each with the cost of what is in it.
    static func pack(_ messages: [some LinkMessage]) -> [(frame: ByteBuffer, cost: Int)] {
        var packed: [(frame: ByteBuffer, cost: Int)] = []
        var start = messages.startIndex
        while start < messages.endIndex {
            var end = start
            var cost = 0
            while end < messages.endIndex, cost < full {
                cost += messages[end].cost
                end += 1
            }
            packed.append((encode(messages[start..<end], capacity: cost), cost))
            start = end
        }
        return packed
    }

    /// Reads all messages of a frame.
    ///
    /// - Throws: `malformed` for anything but a whole number of messages of this version.
    static func unpack<Message: LinkMessage>(
        _ frame: ByteBuffer, as type: Message.Type = Message.self
    ) throws(LinkError) -> [Message] {
        var reader = LinkReader(frame)
        guard try reader.integer("version", as: UInt8.self) == version else {
            throw LinkError(.malformed, "unknown version")
        }
        var messages: [Message] = []
        repeat {
            let code = try reader.integer("code", as: UInt8.self)
            var body = try reader.part(Int(reader.integer("length", as: UInt32.self)), "body")
            messages.append(try Message(code: code, from: &body))
            try body.expectEnd()
        } while reader.remaining > 0
        return messages
    }

    private static func encode(_ messages: ArraySlice<some LinkMessage>, capacity: Int) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: capacity + 16)
        buffer.writeInteger(version)
        for message in messages {
            buffer.writeInteger(message.code)
            let lengthIndex = buffer.writerIndex
            buffer.writeInteger(UInt32(0))
            message.encode(into: &buffer)
            buffer.setInteger(UInt32(buffer.writerIndex - lengthIndex - 4), at: lengthIndex)
        }
        return buffer
    }
}
