import BrokerCore
import NIOCore
import NIOPosix
import Synchronization

/// A TCP relay between a client and a port of this machine, which can cut, hold and, as an HTTP proxy, refuse.
final class Relay: Sendable {
    enum Manner: Sendable {
        case plain
        /// Asks for CONNECT, and for this value of `Proxy-Authorization`.
        case proxy(authorization: String?)
    }

    let port: Int
    private let listener: any Channel
    private let pairs: PairList

    init(to target: Int, as manner: Manner = .plain) async throws {
        let pairs = PairList()
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { near in
                switch manner {
                case .plain: Self.join(near, to: target, pairs)
                case .proxy(let authorization):
                    near.eventLoop.makeCompletedFuture {
                        try near.pipeline.syncOperations.addHandler(
                            ConnectHandler(target: target, authorization: authorization, pairs: pairs))
                    }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.pairs = pairs
        port = listener.localAddress?.port ?? 0
    }

    var connections: Int { pairs.count }

    /// Breaks all connections without a farewell.
    func cut() { pairs.cut() }

    /// Forwards nothing more on the present connections, which stay open.
    func hold() { pairs.hold() }

    func stop() async {
        try? await listener.close()
        cut()
    }

    static func join(_ near: any Channel, to target: Int, _ pairs: PairList) -> EventLoopFuture<Void> {
        ClientBootstrap(group: near.eventLoop)
            .connect(host: "127.0.0.1", port: target)
            .flatMapThrowing { far in
                pairs.add(near, far)
                try near.pipeline.syncOperations.addHandler(Pump(to: far))
                try far.pipeline.syncOperations.addHandler(Pump(to: near))
            }
    }
}

/// The connections of a relay.
final class PairList: Sendable {
    private let channels = Mutex<[any Channel]>([])

    var count: Int { channels.withLock { $0.filter(\.isActive).count / 2 } }

    func add(_ near: any Channel, _ far: any Channel) { channels.withLock { $0 += [near, far] } }

    func cut() {
        for channel in take() {
            channel.setOption(.socketOption(.init(rawValue: 13)), value: 0).whenComplete { _ in
                channel.close(promise: nil)
            }
        }
    }

    func hold() {
        for channel in channels.withLock({ $0 }) { channel.setOption(.autoRead, value: false).whenComplete { _ in } }
    }

    private func take() -> [any Channel] {
        channels.withLock { channels in
            defer { channels = [] }
            return channels
        }
    }
}

private final class Pump: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let other: any Channel

    init(to other: any Channel) {
        self.other = other
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        other.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

private final class ConnectHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let target: Int
    private let authorization: String?
    private let pairs: PairList
    private var head = ""

    init(target: Int, authorization: String?, pairs: PairList) {
        self.target = target
        self.authorization = authorization
        self.pairs = pairs
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        head += String(buffer: unwrapInboundIn(data))
        guard head.hasSuffix("\r\n\r\n") else { return }
        let isWelcome =
            head.hasPrefix("CONNECT 127.0.0.1:\(target) ")
            && authorization.map { head.contains("\r\nProxy-Authorization: \($0)\r\n") } ?? true
        let channel = context.channel
        guard isWelcome else {
            let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
            return channel.writeAndFlush(ByteBuffer(string: refusal)).whenComplete { _ in channel.close(promise: nil) }
        }
        let (target, pairs) = (target, pairs)
        context.pipeline.syncOperations.removeHandler(self).flatMap {
            Relay.join(channel, to: target, pairs)
        }.flatMap {
            channel.writeAndFlush(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n"))
        }.whenFailure { _ in channel.close(promise: nil) }
    }
}
