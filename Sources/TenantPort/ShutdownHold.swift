internal import NIOCore

/// Holds the word of a shutdown back while the pipeline behind it is being changed.
///
/// An upgrade takes several turns of the event loop, and what passes in between meets neither the gate, which has gone,
/// nor the handlers to come. A connection that missed the event would stay open for as long as its client likes.
final class ShutdownHold: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    private enum Phase {
        case firstRequest, changing(isHeld: Bool), complete
    }

    private var phase = Phase.firstRequest
    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent, case .changing = phase { return phase = .changing(isHeld: true) }
        context.fireUserInboundEventTriggered(event)
    }

    /// The first request is there: the pipeline begins to change.
    func begin() {
        guard case .firstRequest = phase else { return }
        phase = .changing(isHeld: false)
    }

    /// The pipeline is what it will be; what was held goes on.
    func complete() {
        guard case .changing(let isHeld) = phase else { return }
        phase = .complete
        if isHeld { context?.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
    }
}
