import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

@testable import BrokerLink

@Suite("Frames of the link")
struct LinkFrameEncoderTests {
    @Test("NIO reads what is written, of every length, masked and not", arguments: [nil, [0x9f, 0x01, 0x80, 0x7c]])
    func roundTrip(key: [UInt8]?) throws {
        for length in [0, 1, 3, 4, 7, 8, 9, 125, 126, 127, 65_535, 65_536, 70_003] {
            let content = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }
            let sender = EmbeddedChannel()
            try sender.pipeline.syncOperations.addHandler(WebSocketFrameEncoder())
            try LinkFrameEncoder.add(to: sender)
            try sender.writeOutbound(
                WebSocketFrame(
                    fin: true, opcode: .binary, maskKey: key.flatMap { WebSocketMaskingKey($0) },
                    data: ByteBuffer(bytes: content)))
            let bytes = try #require(try sender.readOutbound(as: ByteBuffer.self))
            #expect(try sender.readOutbound(as: ByteBuffer.self) == nil, "one buffer")

            let receiver = EmbeddedChannel(
                handler: ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1 << 20)))
            try receiver.writeInbound(bytes)
            let frame = try #require(try receiver.readInbound(as: WebSocketFrame.self))
            #expect(frame.opcode == .binary && frame.fin && (frame.maskKey != nil) == (key != nil))
            #expect(Array(buffer: frame.unmaskedData) == content)
            #expect(Array(buffer: frame.plainData) == content)
        }
    }
}
