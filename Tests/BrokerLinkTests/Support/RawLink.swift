import BrokerCore
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import Testing
import TestCertificates

@testable import BrokerLink

/// A WebSocket to the link that says what it is told to, however wrong.
final class RawLink: Sendable {
    private let channel: any Channel
    private let frames: Mailbox<WebSocketFrame>

    init(_ stage: LinkStage) async throws {
        let frames = Mailbox<WebSocketFrame>()
        let context = try NIOSSLContext(configuration: stage.authority.clientTLS())
        let port = stage.port
        let upgraded: EventLoopFuture<any Channel> = try await ClientBootstrap(
            group: MultiThreadedEventLoopGroup.singleton
        ).connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                let pipeline = channel.pipeline.syncOperations
                try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
                let upgrader = NIOTypedWebSocketClientUpgrader<any Channel>(maxFrameSize: 4 << 20) { channel, _ in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(FrameCollector(frames))
                        return channel
                    }
                }
                var configuration = NIOUpgradableHTTPClientPipelineConfiguration<any Channel>(
                    upgradeConfiguration: .init(
                        upgradeRequestHead: HTTPRequestHead(
                            version: .http1_1, method: .GET, uri: "/v1/link", headers: ["Host": "localhost"]),
                        upgraders: [upgrader],
                        notUpgradingCompletionHandler: { $0.eventLoop.makeFailedFuture(ChannelError.eof) }))
                configuration.leftOverBytesStrategy = .forwardBytes
                return try pipeline.configureUpgradableHTTPClientPipeline(configuration: configuration)
            }
        }
        channel = try await upgraded.get()
        self.frames = frames
    }

    func send(_ opcode: WebSocketOpcode, _ bytes: [UInt8], isMasked: Bool = true, isFinal: Bool = true) async throws {
        try await channel.writeAndFlush(
            WebSocketFrame(
                fin: isFinal, opcode: opcode, maskKey: isMasked ? .random() : nil, data: ByteBuffer(bytes: bytes)))
    }

    func send(_ messages: ClientMessage...) async throws {
        for (frame, _) in LinkFrame.pack(messages) { try await send(.binary, Array(frame.readableBytesView)) }
    }

    /// Waits for the challenge.
    func nonce() async throws -> [UInt8] {
        guard case .challenge(let nonce)? = try await messages().first else {
            throw LinkError(.malformed, "no challenge")
        }
        return nonce
    }

    /// Shows a credential of the principal and waits to be let in; gives back the next nonce.
    @discardableResult
    func authenticate(_ stage: LinkStage, as principal: LinkPrincipal) async throws -> [UInt8] {
        let credential = CredentialBook.prove(stage.book.issue(principal), try await nonce())
        try await send(.authenticate(token: credential.token, proof: credential.proof))
        guard case .authenticated(let grant)? = try await messages().first else {
            throw LinkError(.malformed, "not let in")
        }
        return grant.nonce
    }

    /// Waits for the next messages; empty at the end of the link.
    func messages() async throws -> [ServerMessage] {
        while let frames = await frames.take() {
            let messages = try frames.filter { $0.opcode == .binary }.flatMap {
                try LinkFrame.unpack($0.data, as: ServerMessage.self)
            }
            if !messages.isEmpty { return messages }
        }
        return []
    }

    /// Waits for the end of the link; gives back why the server ended it, if it said so.
    func refusal() async throws -> LinkRefusal? {
        var refusal: LinkRefusal?
        while true {
            let messages = try await messages()
            if messages.isEmpty { return refusal }
            for case .refused(let reason, _) in messages { refusal = reason }
        }
    }

    func close() async { try? await channel.close() }
}

private final class FrameCollector: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame

    private let frames: Mailbox<WebSocketFrame>

    init(_ frames: Mailbox<WebSocketFrame>) {
        self.frames = frames
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        frames.put(CollectionOfOne(unwrapInboundIn(data)))
    }

    func channelInactive(context: ChannelHandlerContext) { frames.close() }

    func handlerRemoved(context: ChannelHandlerContext) { frames.close() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
