internal import NIOCore
internal import NIOWebSocket

/// Writes each frame, masked where it is a client's (RFC 6455 section 5.3), as one buffer and so as one TLS record.
///
/// Takes the place of NIO's encoder, which masks byte by byte; that one cannot be removed and is passed by.
final class LinkFrameEncoder: ChannelOutboundHandler {
    typealias OutboundIn = WebSocketFrame
    typealias OutboundOut = ByteBuffer

    private let passedBy: ChannelHandlerContext

    /// Makes the encoder of a channel whose pipeline has NIO's; on the event loop.
    static func add(to channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(
            LinkFrameEncoder(passingBy: pipeline.context(handlerType: WebSocketFrameEncoder.self)))
    }

    private init(passingBy context: ChannelHandlerContext) {
        passedBy = context
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let frame = unwrapOutboundIn(data)
        var buffer = context.channel.allocator.buffer(capacity: frame.data.readableBytes + 14)
        // FIN, for no frame is a part of a message, and the opcode; then the length with the bit that says "masked".
        buffer.writeInteger(0x80 | UInt8(webSocketOpcode: frame.opcode))
        let maskBit: UInt8 = frame.maskKey == nil ? 0 : 0x80
        switch frame.data.readableBytes {
        case let length where length < 126:
            buffer.writeInteger(maskBit | UInt8(length))
        case let length where length <= UInt16.max:
            buffer.writeInteger(maskBit | 126)
            buffer.writeInteger(UInt16(length))
        case let length:
            buffer.writeInteger(maskBit | 127)
            buffer.writeInteger(UInt64(length))
        }
        if let key = frame.maskKey { buffer.writeBytes(key) }
        let start = buffer.writerIndex
        buffer.writeImmutableBuffer(frame.data)
        if let key = frame.maskKey { buffer.mask(with: key, from: start) }
        passedBy.write(wrapOutboundOut(buffer), promise: promise)
    }
}

extension ByteBuffer {
    /// Masks or unmasks the readable bytes from an index on, eight at a time.
    mutating func mask(with key: WebSocketMaskingKey, from index: Int) {
        let skipped = index - readerIndex
        withUnsafeMutableReadableBytes { bytes in
            let bytes = UnsafeMutableRawBufferPointer(rebasing: bytes[skipped...])
            let word = (Array(key) + key).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
            var offset = 0
            while offset + 8 <= bytes.count {
                let masked = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) ^ word
                bytes.storeBytes(of: masked, toByteOffset: offset, as: UInt64.self)
                offset += 8
            }
            for index in offset..<bytes.count { bytes[index] ^= key[index % 4] }
        }
    }
}

extension WebSocketFrame {
    /// The data as its sender meant it.
    var plainData: ByteBuffer {
        guard let maskKey else { return data }
        var plain = data
        plain.mask(with: maskKey, from: plain.readerIndex)
        return plain
    }
}
