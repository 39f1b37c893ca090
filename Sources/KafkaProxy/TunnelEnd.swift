internal import NIOCore

/// One of two joined connections of an event loop: what it reads the other one writes, no faster than that takes it.
///
/// Until it is joined it keeps what comes; that is little, since nothing is read by itself then, but a connection whose
/// other half has ended is read to its end.
final class TunnelEnd: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var other: TunnelEnd?
    private var context: ChannelHandlerContext?
    private var kept: [NIOAny] = []
    private var ending: CloseMode?
    /// A read that waits until the other end can write again.
    private var hasPendingRead = false

    /// Has another end write from now on what this one reads, beginning with what came before.
    func join(_ other: TunnelEnd) {
        self.other = other
        for data in kept { other.context?.write(data, promise: nil) }
        other.context?.flush()
        kept = []
        if let ending { other.close(ending) }
        readIfPending()
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        other = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if let other { other.context?.write(data, promise: nil) } else { kept.append(data) }
    }

    func channelReadComplete(context: ChannelHandlerContext) { other?.context?.flush() }

    func channelInactive(context: ChannelHandlerContext) {
        end(.all)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Half of a connection ended: what comes the other way still has to get through.
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { end(.output) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { other?.readIfPending() }
        context.fireChannelWritabilityChanged()
    }

    func read(context: ChannelHandlerContext) {
        // While the other end cannot write, nothing is read.
        if other?.context?.channel.isWritable != false { context.read() } else { hasPendingRead = true }
    }

    private func end(_ mode: CloseMode) {
        if let other { other.close(mode) } else { ending = mode }
    }

    /// Closes when all that was written before is on its way.
    private func close(_ mode: CloseMode) {
        guard let context else { return }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(NIOAny(ByteBuffer())).whenComplete { _ in bound.value.close(mode: mode, promise: nil) }
    }

    private func readIfPending() {
        guard hasPendingRead else { return }
        hasPendingRead = false
        context?.read()
    }
}
