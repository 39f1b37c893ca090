internal import NIOCore
internal import NIOHTTP1

/// Stands before NIO's upgrade handler until the first request is there.
///
/// It decides alone what is upgraded and hides every other `Upgrade` from the handler behind it. Until then no HTTP
/// handler exists, so it is also what times a silent client out, answers garbage with 400 and goes on shutdown.
final class UpgradeGate: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let timeout: TimeAmount
    private let upgrade: PortUpgrade?
    private let hold: ShutdownHold
    private var deadline: Scheduled<Void>?
    private var isOpen = false

    init(timeout: TimeAmount, upgrade: PortUpgrade?, hold: ShutdownHold) {
        self.timeout = timeout
        self.upgrade = upgrade
        self.hold = hold
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: timeout) { loopBound.value.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
        deadline?.cancel()
        let isFirst = !isOpen
        isOpen = true
        hold.begin()
        guard !(isFirst && upgrade?.accepts(head) == true) else { return context.fireChannelRead(data) }
        guard head.headers.contains(name: "upgrade") else { return context.fireChannelRead(data) }
        // `Connection` stays: it may name further fields that belong to this connection alone.
        head.headers.remove(name: "upgrade")
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isOpen else { return context.fireErrorCaught(error) }
        isOpen = true
        guard error is HTTPParserError else { return context.close(promise: nil) }
        let head = HTTPResponseHead(
            version: .http1_1, status: .badRequest, headers: ["Connection": "close", "Content-Length": "0"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in loopBound.value.close(promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if !isOpen, event is ChannelShouldQuiesceEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}
