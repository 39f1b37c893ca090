import BrokerCore
import ForwardProxy
import Foundation
import KafkaBroker
import KafkaProxy
import KafkaTopology
import Logging
import NIOCore
import NIOPosix
import RelayFormat
import Synchronization
import TestTools
import Testing

/// The way through an HTTP proxy for a library that knows none, with Debian's tinyproxy in between.
@Suite("Kafka through a proxy end to end", .serialized, .timeLimit(.minutes(2)))
struct KafkaProxyEndToEndTests {
    @Test("bytes come and go unchanged through a proxy with a password, one port for each server")
    func echo() async throws {
        try await withProxy { proxy, forwarder, said in
            try await withServer(Echo.init) { port in
                let number = try #require(await way(forwarder, to: port))
                #expect(await way(forwarder, to: port) == number)
                let long = String(repeating: "0123456789abcdef", count: 65_536)
                let connections = try await [RawConnection.open(port: number), RawConnection.open(port: number)]
                for connection in connections { #expect(await connection.send(long)) }
                for connection in connections {
                    try await waitUntil("all is back", within: .seconds(10)) {
                        connection.received.utf8.count >= long.utf8.count
                    }
                    #expect(connection.received == long)
                    await connection.close()
                }
                #expect(proxy.tunnels(to: port) == 2)
                #expect(said.lines == [])
            }
        }
    }

    @Test("half of a connection may end while the other half still speaks")
    func halfClose() async throws {
        // Tinyproxy itself ends both halves at once: this one is proxy and server in one.
        try await withServer(OpenProxy.init) { port in
            let said = Said()
            let forwarder = ProxyForwarder(
                through: ForwardingProxy(host: "127.0.0.1", port: port), logger: said.logger)
            let number = try #require(await way(forwarder, to: 9))
            let connection = try await RawConnection.open(port: number, keepsHalf: true)
            #expect(await connection.send("the last word"))
            try await connection.finish()
            try await waitUntil("the answer after the end", within: .seconds(10)) { connection.hasEnded }
            #expect(connection.received == "heard: the last word")
            #expect(said.lines == [])
            await forwarder.close()
        }
    }

    @Test("a wrong password closes the connection and is said once, with the proxy's status and without the password")
    func wrongPassword() async throws {
        try await withProxy(password: "wr0ng") { _, forwarder, said in
            try await withServer(Echo.init) { port in
                let number = try #require(await way(forwarder, to: port))
                for _ in 0..<3 { try await expectClosed(number) }
                #expect(said.lines.count == 1)
                let line = try #require(said.lines.first)
                #expect(line.contains("answers 401") || line.contains("answers 407"))
                #expect(line.contains("localhost:\(port)"))
                #expect(!line.contains("wr0ng"))
            }
        }
    }

    @Test("a proxy that is not there, or a server that it does not reach, closes the connection and is said")
    func dead() async throws {
        try await withProxy { proxy, forwarder, said in
            let nobody = try Loopback.freePort()
            let number = try #require(await way(forwarder, to: nobody))
            try await expectClosed(number)
            #expect(said.lines.last?.contains("answers 50") == true, "\(said.lines)")
            await proxy.stop()
            try await expectClosed(number)
            #expect(said.lines.count == 2)
        }
    }

    @Test("there are no more servers than it was told, and none after its end")
    func bounds() async throws {
        let said = Said()
        var limits = ProxyForwarder.Limits()
        limits.servers = 2
        let forwarder = ProxyForwarder(
            through: ForwardingProxy(host: "127.0.0.1", port: 1), limits: limits, logger: said.logger)
        let (one, two) = (await way(forwarder, to: 1), await way(forwarder, to: 2))
        #expect(one != nil && two != nil && one != two)
        #expect(await way(forwarder, to: 3) == nil)
        #expect(await way(forwarder, to: 1) == one)
        await forwarder.close()
        #expect(await way(forwarder, to: 1) == nil)
        await #expect(throws: (any Error).self) { try await RawConnection.open(port: try #require(one)) }
    }

    @Test("its end closes what is open")
    func closing() async throws {
        try await withProxy { _, forwarder, _ in
            try await withServer(Echo.init) { port in
                let connection = try await RawConnection.open(port: try #require(await way(forwarder, to: port)))
                #expect(await connection.send("here"))
                try await waitUntil("the echo", within: .seconds(10)) { connection.received == "here" }
                await forwarder.close()
                try await waitUntil("the end", within: .seconds(10)) { connection.hasEnded }
            }
        }
    }

    @Test("Kafka is reached through the proxy", .enabled(if: NoidaServer.program != nil, "\(PythonPackages.note)"))
    func kafka() async throws {
        try await NoidaServer.with { server in
            try await withProxy { proxy, forwarder, _ in
                let configuration = KafkaConfiguration(
                    bootstrap: "localhost:\(server.port)", role: .dispatcher,
                    route: { forwarder.port(to: $0, $1).map { $0 } })
                let admin = try KafkaAdmin(configuration: configuration, logger: Said().logger)
                let wishes = KafkaWishes(
                    layout: configuration.layout, topics: .init(replication: 1), connectors: nil, dispatchers: nil,
                    roster: KafkaRoster(tenants: [.init(id: .random(), groups: [.random()])]))
                let failures = await admin.apply(
                    KafkaPlan(wishes, seen: try await admin.look(at: configuration.layout)))
                let topics = try await admin.look(at: configuration.layout).topics
                await admin.close()
                #expect(failures == [])
                #expect(topics.count == 4)
                #expect(proxy.log.components(separatedBy: "CONNECT ").count > 1)
                // Nothing went past the proxy: without it, nothing goes.
                await proxy.stop()
                let cut = try KafkaAdmin(
                    configuration: configuration, time: .seconds(2), logger: Said().logger)
                await #expect(throws: KafkaError(.unreachable, "")) { try await cut.look(at: configuration.layout) }
                await cut.close()
            }
        }
    }

    // MARK: What the tests share

    /// The port that leads to one of this machine; asked for where blocking is allowed.
    private func way(_ forwarder: ProxyForwarder, to port: Int) async -> Int? {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: forwarder.port(to: "localhost", UInt16(port)).map(Int.init))
            }
        }
    }

    private func expectClosed(_ port: Int) async throws {
        let connection = try await RawConnection.open(port: port)
        try await waitUntil("the connection is closed", within: .seconds(10)) { connection.hasEnded }
        #expect(connection.received == "")
    }

    private func withProxy(
        password: String = "passw0rd", _ body: (Tinyproxy, ProxyForwarder, Said) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("postern-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let proxy = try Tinyproxy(in: folder, user: "gateway", password: "passw0rd")
        try await proxy.start()
        defer { proxy.kill() }
        let said = Said()
        let forwarder = ProxyForwarder(
            through: ForwardingProxy(host: "127.0.0.1", port: proxy.port, user: "gateway", password: password),
            logger: said.logger)
        do {
            try await body(proxy, forwarder, said)
        } catch {
            await forwarder.close()
            throw error
        }
        await forwarder.close()
    }

    private func withServer(
        _ handler: @escaping @Sendable () -> any ChannelHandler, _ body: (Int) async throws -> Void
    ) async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(handler()) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            try await body(try #require(server.localAddress?.port))
        } catch {
            try? await server.close().get()
            throw error
        }
        try await server.close().get()
    }
}

/// Sends back what comes.
private final class Echo: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.writeAndFlush(data, promise: nil) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { context.close(promise: nil) }
    }
}

/// Says yes to CONNECT and is the server itself: it answers when the other end has finished.
private final class OpenProxy: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private var head = ""
    private var heard = ""

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let text = String(buffer: unwrapInboundIn(data))
        guard !head.hasSuffix("\r\n\r\n") else {
            heard += text
            return
        }
        head += text
        guard head.hasSuffix("\r\n\r\n") else { return }
        say("HTTP/1.1 200 OK\r\n\r\n", context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed? = event as? ChannelEvent else { return }
        say("heard: " + heard, context)
        context.close(promise: nil)
    }

    private func say(_ text: String, _ context: ChannelHandlerContext) {
        context.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
    }
}

/// What a logger was told as a warning or worse.
private final class Said: Sendable {
    private let kept = Mutex<[String]>([])
    var lines: [String] { kept.withLock { $0 } }
    var logger: Logger { Logger(label: "said") { _ in Handler(said: self) } }

    private struct Handler: LogHandler {
        let said: Said
        var logLevel = Logger.Level.warning
        var metadata: Logger.Metadata = [:]
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = "\(event.message) \(event.metadata ?? [:])"
            said.kept.withLock { $0.append(line) }
        }
    }
}
