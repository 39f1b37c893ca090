internal import NIOCore

/// Closes an upgraded channel that its owner leaves open after the other end, or the whole port, is done.
///
/// The server keeps half-closed channels, so without this a WebSocket whose handler ignores those events would never end.
final class UpgradedChannelGuard: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    private static let grace = TimeAmount.milliseconds(500)

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        let isOver = event is ChannelShouldQuiesceEvent || event as? ChannelEvent == .inputClosed
        context.fireUserInboundEventTriggered(event)
        guard isOver else { return }
        let channel = context.channel
        _ = context.eventLoop.scheduleTask(in: Self.grace) { channel.close(promise: nil) }
    }
}
