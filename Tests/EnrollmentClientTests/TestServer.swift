import CertificateAuthority
import Foundation
import MachineIdentity
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// An HTTPS server on 127.0.0.1 that remembers every request and answers as told.
final class TestServer: Sendable {
    struct Received: Sendable {
        var method: String
        var path: String
        var headers: [String: String]
        var body: String
        var clientCertificate: [UInt8]?
    }
    struct Reply: Sendable {
        var status = 200
        var body: [UInt8] = []
        /// Nothing is answered at all.
        var isSilent = false
    }

    let port: Int
    private let channel: any Channel
    private let log: NIOLockedValueBox<[Received]>

    var received: [Received] { log.withLockedValue { $0 } }
    /// Whether anything in any request looks like this text.
    func hasSeen(_ text: String) -> Bool { received.contains { "\($0)".contains(text) } }

    init(
        chain: [[UInt8]], key: MachineKey, clientRoot: [UInt8]? = nil,
        answer: @escaping @Sendable (Received) -> Reply
    ) async throws {
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try chain.map { .certificate(try NIOSSLCertificate(bytes: $0, format: .der)) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.pem().reveal().utf8), format: .pem)))
        if let clientRoot {
            tls.certificateVerification = .optionalVerification
            tls.trustRoots = .certificates([try NIOSSLCertificate(bytes: clientRoot, format: .der)])
        }
        let context = try NIOSSLContext(configuration: tls)
        let log = NIOLockedValueBox<[Received]>([])
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let sync = channel.pipeline.syncOperations
                    try sync.addHandler(NIOSSLServerHandler(context: context))
                    try sync.configureHTTPServerPipeline()
                    try sync.addHandler(Handler(log: log, answer: answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
        self.log = log
    }

    func stop() async { try? await channel.close().get() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let log: NIOLockedValueBox<[Received]>
        private let answer: @Sendable (Received) -> Reply
        private var current = Received(method: "", path: "", headers: [:], body: "")

        init(log: NIOLockedValueBox<[Received]>, answer: @escaping @Sendable (Received) -> Reply) {
            self.log = log
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                current = Received(method: head.method.rawValue, path: head.uri, headers: [:], body: "")
                for (name, value) in head.headers { current.headers[name.lowercased()] = value }
                let peer = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
                current.clientCertificate = try? peer?.toDERBytes()
            case .body(let bytes):
                current.body += String(buffer: bytes)
            case .end:
                log.withLockedValue { [current] in $0.append(current) }
                let reply = answer(current)
                guard !reply.isSilent else { return }
                let head = HTTPResponseHead(
                    version: .http1_1, status: .init(statusCode: reply.status),
                    headers: ["content-length": "\(reply.body.count)", "content-type": "application/json"])
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: reply.body)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
