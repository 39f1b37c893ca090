import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOSSL
import Synchronization
import TestCertificates
import Testing

@testable import TenantPort

@Suite struct ShutdownDuringUpgradeTests {
    /// A connection on a loop that turns only when told to, and what its WebSocket's owner has heard.
    private struct Connection {
        let loop = EmbeddedEventLoop()
        let channel: EmbeddedChannel
        let heard: EventsHeard

        init() throws {
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let configuration = PortService.Configuration(
                host: "127.0.0.1", port: 0, tls: try TestAuthority().serverTLS())
            let heard = EventsHeard()
            let upgradable = UpgradableChannel(
                responder: { _, _, _ in }, context: try NIOSSLContext(configuration: configuration.effectiveTLS),
                configuration: configuration,
                upgrade: PortUpgrade(path: "/v1/link") { channel, _ in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(QuiesceListener(heard: heard))
                    }
                },
                requests: RequestGauge())
            self.heard = heard
            channel = EmbeddedChannel(loop: loop)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            _ = try upgradable.addHandlers(to: channel, logger: logger)
        }

        func receive(_ text: String) throws {
            try channel.writeInbound(ByteBuffer(string: text))
        }

        func shutDown() {
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
    }

    @Test("A shutdown between an upgrade's request and its end reaches the WebSocket's owner, once, and closes it")
    func duringUpgrade() throws {
        let connection = try Connection()
        try connection.receive(TenantPortTests.upgrade + "\r\n")
        #expect(throws: (any Error).self) {
            try connection.channel.pipeline.syncOperations.handler(type: UpgradedChannelGuard.self)
        }
        connection.shutDown()
        connection.loop.run()
        #expect(connection.heard.count == 1)
        connection.loop.advanceTime(by: .seconds(1))
        #expect(!connection.channel.isActive)
    }

    @Test("A shutdown after an upgrade reaches the WebSocket's owner, once, and closes it")
    func afterUpgrade() throws {
        let connection = try Connection()
        try connection.receive(TenantPortTests.upgrade + "\r\n")
        connection.loop.run()
        #expect(connection.channel.isActive)
        connection.shutDown()
        connection.loop.run()
        #expect(connection.heard.count == 1)
        connection.loop.advanceTime(by: .seconds(1))
        #expect(!connection.channel.isActive)
    }

    @Test("A shutdown before the first request, and within its head, closes the connection at once")
    func beforeRequest() throws {
        for text in ["", "GET /healthz HTTP/1.1\r\nHost"] {
            let connection = try Connection()
            try connection.receive(text)
            connection.shutDown()
            connection.loop.run()
            #expect(!connection.channel.isActive)
            #expect(connection.heard.count == 0)
        }
    }
}

private final class EventsHeard: Sendable {
    private let events = Atomic<Int>(0)

    var count: Int { events.load(ordering: .relaxed) }

    func add() { events.add(1, ordering: .relaxed) }
}

private final class QuiesceListener: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    let heard: EventsHeard

    init(heard: EventsHeard) { self.heard = heard }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { heard.add() }
        context.fireUserInboundEventTriggered(event)
    }
}
