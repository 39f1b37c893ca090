import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A proxy on 127.0.0.1 that knows CONNECT and nothing else, and sends every tunnel to one port.
final class TunnelProxy: Sendable {
    let port: Int
    private let channel: any Channel
    private let log: NIOLockedValueBox<[String]>

    /// The heads of all CONNECT requests.
    var requests: [String] { log.withLockedValue { $0 } }

    init(to target: Int, refuses: Bool = false) async throws {
        let log = NIOLockedValueBox<[String]>([])
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Front(target: target, refuses: refuses, log: log))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
        self.log = log
    }

    func stop() async { try? await channel.close().get() }

    private final class Front: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let target: Int
        private let refuses: Bool
        private let log: NIOLockedValueBox<[String]>
        private var head = ""
        private var back: (any Channel)?

        init(target: Int, refuses: Bool, log: NIOLockedValueBox<[String]>) {
            self.target = target
            self.refuses = refuses
            self.log = log
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if let back { return back.writeAndFlush(unwrapInboundIn(data), promise: nil) }
            head += String(buffer: unwrapInboundIn(data))
            guard head.hasSuffix("\r\n\r\n") else { return }
            log.withLockedValue { [head] in $0.append(head) }
            let front = context.channel
            guard !refuses else {
                return front.writeAndFlush(
                    ByteBuffer(string: "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"), promise: nil)
            }
            let connected = ClientBootstrap(group: context.eventLoop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Back(front: front))
                    }
                }
                .connect(host: "127.0.0.1", port: target)
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            connected.whenSuccess { channel in
                bound.value.back = channel
                front.writeAndFlush(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n"), promise: nil)
            }
            connected.whenFailure { _ in front.close(promise: nil) }
        }

        func channelInactive(context: ChannelHandlerContext) { back?.close(promise: nil) }
    }

    private final class Back: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let front: any Channel

        init(front: any Channel) { self.front = front }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            front.writeAndFlush(unwrapInboundIn(data), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { front.close(promise: nil) }
    }
}
