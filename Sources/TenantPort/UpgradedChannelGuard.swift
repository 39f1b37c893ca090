internal import NIOCore

/// Closes an upgraded channel that its owner leaves open after the other end, or the whole port, is done.
///
/// The server keeps half-closed channels, so without this a WebSocket whose handler ignores those events would never
/// end. The handler hears of a shutdown only when no request is under way: what answers them may come by this channel.
final class UpgradedChannelGuard: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    private static let grace = TimeAmount.milliseconds(500)
    private static let interval = TimeAmount.milliseconds(10)

    private let requests: RequestGauge
    private let drainTimeout: TimeAmount
    private var waiting: Scheduled<Void>?

    init(requests: RequestGauge, drainTimeout: TimeAmount) {
        self.requests = requests
        self.drainTimeout = drainTimeout
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        waiting?.cancel()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { return quiesce(context, by: .now() + drainTimeout) }
        context.fireUserInboundEventTriggered(event)
        if event as? ChannelEvent == .inputClosed { closeSoon(context) }
    }

    private func quiesce(_ context: ChannelHandlerContext, by end: NIODeadline) {
        guard requests.isZero || end <= .now() else {
            let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            waiting = context.eventLoop.scheduleTask(in: Self.interval) {
                let (guardian, context) = loopBound.value
                guardian.quiesce(context, by: end)
            }
            return
        }
        context.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        closeSoon(context)
    }

    private func closeSoon(_ context: ChannelHandlerContext) {
        let channel = context.channel
        _ = context.eventLoop.scheduleTask(in: Self.grace) { channel.close(promise: nil) }
    }
}
