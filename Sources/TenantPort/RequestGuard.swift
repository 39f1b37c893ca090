internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes

/// A request's body did not arrive in time.
struct RequestTooSlow: Error {}

/// Bounds how long a request takes to arrive and how long a connection outlives its last answer.
///
/// A body that is late ends the request's stream with `RequestTooSlow`, so that its handler can still answer; one that
/// was answered before its end, as 413 is, has a second to stop.
final class RequestGuard: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private static let linger = TimeAmount.seconds(1)

    private let bodyTimeout: TimeAmount
    private let drainTimeout: TimeAmount
    private var deadline: Scheduled<Void>?
    private var begun = 0
    private var ended = 0
    private var answered = 0

    init(bodyTimeout: TimeAmount, drainTimeout: TimeAmount) {
        self.bodyTimeout = bodyTimeout
        self.drainTimeout = drainTimeout
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: begun += 1
        case .body: break
        case .end:
            ended += 1
            deadline?.cancel()
            deadline = nil
        }
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Most requests arrive whole and never need the timer.
        if begun > ended, deadline == nil {
            deadline = after(bodyTimeout, context) { [self] context in
                context.fireErrorCaught(RequestTooSlow())
                deadline = close(after: Self.linger, context)
            }
        }
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) {
            answered += 1
            if answered > ended {
                deadline?.cancel()
                deadline = close(after: Self.linger, context)
            }
        }
        context.write(data, promise: promise)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { _ = close(after: drainTimeout, context) }
        context.fireUserInboundEventTriggered(event)
    }

    private func close(after delay: TimeAmount, _ context: ChannelHandlerContext) -> Scheduled<Void> {
        let channel = context.channel
        return context.eventLoop.scheduleTask(in: delay) { channel.close(promise: nil) }
    }

    private func after(
        _ delay: TimeAmount, _ context: ChannelHandlerContext, _ body: @escaping (ChannelHandlerContext) -> Void
    ) -> Scheduled<Void> {
        let loopBound = NIOLoopBound((context, body), eventLoop: context.eventLoop)
        return context.eventLoop.scheduleTask(in: delay) {
            let (context, body) = loopBound.value
            body(context)
        }
    }
}
