internal import NIOCore
internal import NIOWebSocket

/// The WebSocket end of a link: frames to messages, pings, silence, and one account of how the link ended.
///
/// Fragmented and text frames are refused: neither end sends them.
final class LinkSocket<Incoming: LinkMessage>: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let isServer: Bool
    private let timing: LinkTiming
    private let valve: LinkValve?
    private let onMessages: @Sendable ([Incoming]) -> Void
    private let onEnd: @Sendable (LinkError) -> Void
    private var lastRead = NIODeadline.now()
    private var pings: RepeatedTask?
    private var isEnded = false

    /// Makes the handler.
    ///
    /// - Parameters:
    ///   - onMessages: takes what arrived; on the event loop.
    ///   - onEnd: told once, on the event loop, before the channel is closed.
    init(
        isServer: Bool, timing: LinkTiming, valve: LinkValve? = nil,
        onMessages: @escaping @Sendable ([Incoming]) -> Void, onEnd: @escaping @Sendable (LinkError) -> Void
    ) {
        self.isServer = isServer
        self.timing = timing
        self.valve = valve
        self.onMessages = onMessages
        self.onEnd = onEnd
    }

    func handlerAdded(context: ChannelHandlerContext) {
        lastRead = .now()
        let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let interval = TimeAmount(timing.ping)
        pings = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            let (socket, context) = loopBound.value
            socket.tick(context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end(LinkError(.lost, "the connection closed"), context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(LinkError(.lost, "the connection closed"), context)
        context.fireChannelInactive()
    }

    func read(context: ChannelHandlerContext) {
        if valve?.admitsRead() ?? true { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isEnded else { return }
        lastRead = .now()
        let frame = unwrapInboundIn(data)
        guard !isServer || frame.maskKey != nil || frame.length == 0 else {
            return end(LinkError(.malformed, "a client's frame was not masked"), context)
        }
        switch frame.opcode {
        case .binary where frame.fin:
            do {
                onMessages(try LinkFrame.unpack(frame.plainData))
            } catch {
                end(error, context)
            }
        case .ping:
            let pong = WebSocketFrame(fin: true, opcode: .pong, maskKey: mask, data: frame.plainData)
            context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
        case .pong: break
        case .connectionClose: end(LinkError(.lost, "the other end closed the link"), context)
        default: end(LinkError(.malformed, "a frame that is not whole and binary"), context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let isMalformed = error is NIOWebSocketError
        end(LinkError(isMalformed ? .malformed : .lost, "\(error)"), context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { end(LinkError(.lost, "the connection closed"), context) }
        // The owner of a server's link says goodbye before the port closes the channel.
        if event is ChannelShouldQuiesceEvent { end(LinkError(.refused(.shuttingDown), "shutting down"), context) }
        context.fireUserInboundEventTriggered(event)
    }

    private var mask: WebSocketMaskingKey? { isServer ? nil : .random() }

    private func tick(_ context: ChannelHandlerContext) {
        if valve?.isShut != true, NIODeadline.now() - lastRead > TimeAmount(timing.silence) {
            return end(LinkError(.silent, "nothing was heard for \(timing.silence)"), context)
        }
        let ping = WebSocketFrame(fin: true, opcode: .ping, maskKey: mask, data: ByteBuffer())
        context.writeAndFlush(wrapOutboundOut(ping), promise: nil)
    }

    private func end(_ error: LinkError, _ context: ChannelHandlerContext) {
        guard !isEnded else { return }
        isEnded = true
        pings?.cancel()
        onEnd(error)
        // Whoever owns the outbox may still write the reason and closes then; this is for when nobody does.
        let channel = context.channel
        switch error.code {
        case .lost, .silent: channel.close(promise: nil)
        default: _ = context.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
        }
    }
}
