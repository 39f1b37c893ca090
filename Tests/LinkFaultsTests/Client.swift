import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A client that keeps what it gets.
final class Client: Sendable {
    private struct State {
        var received = ""
        var hasEnded = false
        var unsent = 0
    }

    private let channel: any Channel
    private let state: Mutex<State>

    var received: String { state.withLock { $0.received } }
    var hasEnded: Bool { state.withLock { $0.hasEnded } }
    /// Bytes that the other side has not taken yet.
    var unsent: Int { state.withLock { $0.unsent } }

    private init(_ channel: any Channel) {
        self.channel = channel
        state = Mutex(State())
    }

    static func open(port: Int) async throws -> Client {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port).get()
        let client = Client(channel)
        try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.addHandler(Recorder(client: client))
            // A server may have closed it before there was anybody to be told.
            if !channel.isActive { client.state.withLock { $0.hasEnded = true } }
        }.get()
        return client
    }

    /// Sends a text, in parts of 64 KiB, and waits until it is written.
    func send(_ text: String) async throws {
        state.withLock { $0.unsent += text.utf8.count }
        var rest = ByteBuffer(string: text)
        while let part = rest.readSlice(length: min(65_536, rest.readableBytes)), part.readableBytes > 0 {
            try await channel.writeAndFlush(part).get()
            state.withLock { $0.unsent -= part.readableBytes }
        }
    }

    /// Ends what it sends, not what it gets.
    func finish() { channel.close(mode: .output, promise: nil) }

    func close() async { try? await channel.close() }

    func expect(_ text: String, _ location: SourceLocation = #_sourceLocation) async throws {
        try await waitFor({ received.utf8.count >= text.utf8.count || hasEnded }, location)
        #expect(received == text, sourceLocation: location)
    }

    func expectEnd(_ location: SourceLocation = #_sourceLocation) async throws {
        try await waitFor({ hasEnded }, location)
    }

    private final class Recorder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let client: Client

        init(client: Client) { self.client = client }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let text = String(buffer: unwrapInboundIn(data))
            client.state.withLock { $0.received += text }
        }

        func channelInactive(context: ChannelHandlerContext) { client.state.withLock { $0.hasEnded = true } }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
