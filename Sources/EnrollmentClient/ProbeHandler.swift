internal import NIOCore
internal import NIOHTTP1

/// The answer to a probe.
struct ProbeAnswer: Sendable {
    var status: UInt
    /// The field `Date`, which says the server's clock.
    var date: String?
    var body: [UInt8]
}

/// Collects one bounded answer and hands it to a promise.
final class ProbeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    struct TooLarge: Error {}
    struct ClosedEarly: Error {}

    private static let longest = 64 * 1024
    private let answer: EventLoopPromise<ProbeAnswer>
    private var collected = ProbeAnswer(status: 0, date: nil, body: [])
    private var isFinished = false

    init(answer: EventLoopPromise<ProbeAnswer>) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            collected.status = head.status.code
            collected.date = head.headers.first(name: "date")
        case .body(let bytes):
            guard collected.body.count + bytes.readableBytes <= Self.longest else {
                return finish(.failure(TooLarge()), context: context)
            }
            collected.body += Array(bytes.readableBytesView)
        case .end:
            finish(.success(collected), context: context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        finish(.failure(error), context: context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(.failure(ClosedEarly()), context: context)
    }

    private func finish(_ result: Result<ProbeAnswer, any Error>, context: ChannelHandlerContext) {
        guard !isFinished else { return }
        isFinished = true
        answer.completeWith(result)
        context.close(promise: nil)
    }
}
