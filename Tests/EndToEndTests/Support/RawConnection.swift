import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

/// A connection to this machine that sends and receives bytes as they are, over TLS or plain.
final class RawConnection: Sendable {
    private struct State {
        var received = ""
        var hasEnded = false
    }

    private let channel: any Channel
    private let state: Mutex<State>

    /// All that came so far.
    var received: String { state.withLock { $0.received } }
    /// Whether the other end has closed.
    var hasEnded: Bool { state.withLock { $0.hasEnded } }

    private init(channel: any Channel) {
        self.channel = channel
        state = Mutex(State())
    }

    /// Opens a connection.
    ///
    /// - Parameter keepsHalf: whether it stays when the other end says no more; it has ended when neither does.
    static func open(port: Int, tls: TLSConfiguration? = nil, keepsHalf: Bool = false) async throws -> RawConnection {
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let connection = Mutex<RawConnection?>(nil)
        // Whoever listens is there before the connection is: a server may close it at once.
        _ = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: keepsHalf)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let made = RawConnection(channel: channel)
                    connection.withLock { $0 = made }
                    let pipeline = channel.pipeline.syncOperations
                    if let context {
                        try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: "localhost"))
                    }
                    try pipeline.addHandler(Recorder(made))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return try #require(connection.withLock { $0 })
    }

    /// Sends a text; false if the connection does not take it any more.
    @discardableResult
    func send(_ text: String) async -> Bool {
        do {
            try await channel.writeAndFlush(ByteBuffer(string: text)).get()
            return true
        } catch {
            return false
        }
    }

    /// Sends a text bit by bit until the other end closes.
    ///
    /// - Returns: how long that took.
    func drip(_ text: String, every interval: Duration, atMost limit: Duration) async throws -> Duration {
        let begun = ContinuousClock.now
        var rest = text[...]
        while !hasEnded, ContinuousClock.now - begun < limit {
            if let character = rest.popFirst() { await send(String(character)) }
            try await Task.sleep(for: interval)
        }
        return ContinuousClock.now - begun
    }

    /// Says no more, and still hears.
    func finish() async throws { try await channel.close(mode: .output) }

    func close() async { try? await channel.close() }

    /// Notes what comes, and the end.
    private final class Recorder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let connection: RawConnection

        init(_ connection: RawConnection) { self.connection = connection }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let text = String(buffer: unwrapInboundIn(data))
            connection.state.withLock { $0.received += text }
        }

        func channelInactive(context: ChannelHandlerContext) { connection.state.withLock { $0.hasEnded = true } }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
