public import NIOCore
public import NIOHTTP1

/// What becomes of a WebSocket at the port: one path, and who takes over the channel.
public struct PortUpgrade: Sendable {
    /// The path at which an upgrade is taken.
    public var path: String
    /// Adds its handlers behind the WebSocket codec; runs on the channel's event loop.
    ///
    /// The handlers meet `ChannelShouldQuiesceEvent` and `ChannelEvent.inputClosed`; the port closes the channel itself
    /// when they do not.
    public var handler: @Sendable (any Channel, HTTPRequestHead) -> EventLoopFuture<Void>

    /// Hands the WebSockets at one path to a handler.
    public init(path: String, handler: @escaping @Sendable (any Channel, HTTPRequestHead) -> EventLoopFuture<Void>) {
        self.path = path
        self.handler = handler
    }

    /// Whether the request is a complete and correct opening handshake of a WebSocket at this path (RFC 6455 section 4.2.1).
    ///
    /// Everything that NIO's upgrader would refuse has to be refused here: it loses the request's head then
    /// (swift-nio issue 2632), and the router would never see it.
    func accepts(_ head: HTTPRequestHead) -> Bool {
        head.method == .GET && head.version == .http1_1
            && head.uri.prefix { $0 != "?" } == path
            && head.headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
            && head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
            && head.headers[canonicalForm: "sec-websocket-version"] == ["13"]
            && head.headers[canonicalForm: "sec-websocket-key"].count == 1
            && !head.headers.contains(name: "transfer-encoding")
            && head.headers[canonicalForm: "content-length"].allSatisfy { $0 == "0" }
    }
}
