import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

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

    private init(channel: any Channel, recorder: Recorder) {
        self.channel = channel
        state = Mutex(State())
        recorder.take = { [weak self] text in
            self?.state.withLock { state in
                if let text { state.received += text } else { state.hasEnded = true }
            }
        }
    }

    static func open(port: Int, tls: TLSConfiguration? = nil) async throws -> RawConnection {
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port).get()
        return try await channel.eventLoop.submit {
            let recorder = Recorder()
            let sync = channel.pipeline.syncOperations
            if let context {
                try sync.addHandler(NIOSSLClientHandler(context: context, serverHostname: "localhost"))
            }
            try sync.addHandler(recorder)
            let connection = RawConnection(channel: channel, recorder: recorder)
            // A server may have closed it before there was anybody to be told.
            if !channel.isActive { connection.state.withLock { $0.hasEnded = true } }
            return connection
        }.get()
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

    func close() async { try? await channel.close() }

    /// Hands on what comes, and nil for the end; lives on the channel's loop.
    private final class Recorder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var take: ((String?) -> Void)?

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { take?(String(buffer: unwrapInboundIn(data))) }

        func channelInactive(context: ChannelHandlerContext) { take?(nil) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
