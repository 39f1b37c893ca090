import Hummingbird
import Logging
import NIOCore
import NIOSSL
import NIOWebSocket
import ServiceLifecycle
import TenantPort
import TestCertificates
import Testing

/// A port of this machine with a few routes and a WebSocket that echoes.
final class PortStage: Sendable {
    let authority: TestAuthority
    let port: Int
    private let services: ServiceGroup
    /// Owned by the stage; ends in `stop`.
    private let task: Task<Void, any Error>

    init(
        readiness: @escaping @Sendable () async -> Readiness = { .ready },
        adjust: (inout PortService.Configuration) -> Void = { _ in }
    ) async throws {
        authority = try TestAuthority()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var configuration = PortService.Configuration(host: "127.0.0.1", port: 0, tls: try authority.serverTLS())
        adjust(&configuration)
        let (ports, continuation) = AsyncStream<Int>.makeStream()
        let tenantPort = try PortService(
            configuration: configuration,
            upgrade: PortUpgrade(path: "/v1/link") { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(EchoHandler())
                }
            },
            logger: logger, readiness: readiness, onListening: { continuation.yield($0) }, routes: Self.addRoutes)
        let services = ServiceGroup(configuration: .init(services: [tenantPort], logger: logger))
        self.services = services
        task = Task { try await services.run() }
        var iterator = ports.makeAsyncIterator()
        port = try #require(await iterator.next())
    }

    private static func addRoutes(_ router: Router<PortContext>) {
        router.get("certificate") { _, context -> String in
            guard let der = await context.clientCertificate() else { return "none" }
            return try NIOSSLCertificate(bytes: der, format: .der).description
        }
        router.post("echo") { request, _ in
            Response(status: .ok, body: .init(byteBuffer: try await request.body(upTo: 1024)))
        }
        router.get("slow") { _, _ in
            try await Task.sleep(for: .seconds(1))
            return "done"
        }
        router.put("echo") { _, _ in "put" }
        router.get("secret") { _, _ -> String in throw SecretError() }
        router.get("teapot") { _, _ in Response(status: .notFound, body: .init(byteBuffer: ByteBuffer(string: "mine")))
        }
    }

    func stop() async {
        await services.triggerGracefulShutdown()
        _ = await task.result
    }
}

private struct SecretError: Error, CustomStringConvertible {
    let description = "password=hunter2"
}

private final class EchoHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        guard frame.opcode == .binary else { return }
        context.writeAndFlush(
            wrapOutboundOut(WebSocketFrame(fin: true, opcode: .binary, data: frame.unmaskedData)), promise: nil)
    }
}
