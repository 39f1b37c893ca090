internal import NIOCore
internal import NIOHTTP1

/// Reads with which status a server refused the upgrade.
final class UpgradeRefusal: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let promise: EventLoopPromise<HTTPResponseStatus>

    init(on loop: any EventLoop) {
        promise = loop.makePromise()
    }

    var status: EventLoopFuture<HTTPResponseStatus> { promise.futureResult }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data) { promise.succeed(head.status) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        promise.fail(ChannelError.eof)
    }
}
