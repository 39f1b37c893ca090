import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A proxy that opens TLS on the way with a certificate of its own, and writes down all that it reads.
final class Interceptor: Sendable {
    let port: Int
    private let channel: any Channel
    private let record: Record

    /// All that clients said inside of TLS.
    var read: String { record.text.withLock { $0 } }

    /// Begins to intercept connections to a port of this machine.
    init(to target: Int, certificate: String, key: String) async throws {
        let record = Record()
        let server = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))))
        var believing = TLSConfiguration.makeClientConfiguration()
        believing.certificateVerification = .none
        let client = try NIOSSLContext(configuration: believing)
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { front in
                front.eventLoop.makeCompletedFuture {
                    try front.pipeline.syncOperations.addHandler(
                        Tunnel(target: target, server: server, client: client, record: record))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
        self.record = record
    }

    func stop() async { try? await channel.close() }

    private final class Record: Sendable {
        let text = Mutex("")
    }

    /// Answers CONNECT and puts TLS, and what listens behind it, in its own place.
    private final class Tunnel: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = ByteBuffer
        private let target: Int
        private let server: NIOSSLContext
        private let client: NIOSSLContext
        private let record: Record
        private var head = ""

        init(target: Int, server: NIOSSLContext, client: NIOSSLContext, record: Record) {
            self.target = target
            self.server = server
            self.client = client
            self.record = record
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            head += String(buffer: unwrapInboundIn(data))
            guard head.hasSuffix("\r\n\r\n") else { return }
            let (front, client, server, record) = (context.channel, client, server, record)
            let own = NIOLoopBound(self, eventLoop: context.eventLoop)
            ClientBootstrap(group: context.eventLoop)
                .channelInitializer { back in
                    back.eventLoop.makeCompletedFuture {
                        let sync = back.pipeline.syncOperations
                        try sync.addHandler(NIOSSLClientHandler(context: client, serverHostname: nil))
                        try sync.addHandler(Ear(other: front, record: nil))
                    }
                }
                .connect(host: "127.0.0.1", port: target)
                .flatMapThrowing { back in
                    let sync = front.pipeline.syncOperations
                    sync.removeHandler(own.value, promise: nil)
                    front.writeAndFlush(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n"), promise: nil)
                    try sync.addHandler(NIOSSLServerHandler(context: server))
                    try sync.addHandler(Ear(other: back, record: record))
                }
                .whenFailure { _ in front.close(promise: nil) }
        }
    }

    /// Passes bytes on to the other side, and keeps a copy if there is a record.
    private final class Ear: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let other: any Channel
        private let record: Record?

        init(other: any Channel, record: Record?) {
            self.other = other
            self.record = record
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = unwrapInboundIn(data)
            record?.text.withLock { $0 += String(buffer: bytes) }
            other.writeAndFlush(bytes, promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
