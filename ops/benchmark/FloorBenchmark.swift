internal import ArgumentParser
internal import BrokerCore
internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// The floor: the same sizes through one TLS connection in one process, with no queue, no protocol and no second process.
struct FloorBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "floor", abstract: "Measures a bare exchange over one TLS connection.")

    @Option(help: "How many seconds each row takes.") var seconds: Double = 5
    @Option(help: "The exchanges in flight of each row.") var inFlight: [Int] = [1, 64, 1024]
    @Option(help: "The size of a body in bytes.") var size: Int = 1024

    func run() async throws {
        let certificate = try BenchmarkCertificate()
        let serverContext = try NIOSSLContext(configuration: certificate.tls)
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates([try NIOSSLCertificate(bytes: Array(certificate.pem.utf8), format: .pem)])
        let clientContext = try NIOSSLContext(configuration: tls)
        let size = size
        let loops = MultiThreadedEventLoopGroup.singleton
        let server = try await ServerBootstrap(group: loops)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: serverContext))
                    try channel.pipeline.syncOperations.addHandler(Returner())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let waiting = Waiting()
        let client = try await ClientBootstrap(group: loops)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let ssl = try NIOSSLClientHandler(context: clientContext, serverHostname: "localhost")
                    try channel.pipeline.syncOperations.addHandlers([ssl, Collector(size: size, waiting: waiting)])
                }
            }
            .connect(host: "127.0.0.1", port: server.localAddress?.port ?? 0).get()
        let message = ByteBuffer(repeating: 0x61, count: size)
        print(Measurement.heading)
        for number in inFlight {
            let measured = await Measurement.run(inFlight: number, lasting: .seconds(seconds)) {
                await withCheckedContinuation { continuation in
                    client.eventLoop.execute {
                        waiting.add(continuation)
                        client.writeAndFlush(message, promise: nil)
                    }
                }
                return true
            }
            print(measured.row("bare TLS"))
        }
        try await client.close()
        try await server.close()
    }

    /// Sends back what comes.
    private final class Returner: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.write(data, promise: nil) }
        func channelReadComplete(context: ChannelHandlerContext) { context.flush() }
    }

    /// Those who wait for an answer, in order.
    private final class Waiting: Sendable {
        private let continuations = Mutex<[CheckedContinuation<Void, Never>]>([])
        func add(_ continuation: CheckedContinuation<Void, Never>) {
            continuations.withLock { $0.append(continuation) }
        }
        func resume(_ count: Int) {
            let ready = continuations.withLock { waiting in
                defer { waiting.removeFirst(min(count, waiting.count)) }
                return Array(waiting.prefix(count))
            }
            for continuation in ready { continuation.resume() }
        }
    }

    /// Counts the bytes that came back.
    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let size: Int
        private let waiting: Waiting
        private var bytes = 0

        init(size: Int, waiting: Waiting) {
            self.size = size
            self.waiting = waiting
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            bytes += unwrapInboundIn(data).readableBytes
            waiting.resume(bytes / size)
            bytes %= size
        }
    }
}
