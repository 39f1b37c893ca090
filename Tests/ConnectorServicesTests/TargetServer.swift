import AsyncHTTPClient
import ConnectorServices
import Foundation
import NIOCore
import NIOPosix
import RelayFormat
import Synchronization
import Testing

/// A target on loopback that says exactly the bytes that a test wants, and keeps those that it was sent.
final class TargetServer: Sendable {
    /// What the target does when it has a whole request.
    enum Reply: Sendable {
        /// Says this and keeps the connection.
        case say(String)
        /// Says this and closes the connection.
        case sayAndClose(String)
        /// Closes the connection without a word.
        case close
        /// Says nothing.
        case hang

        /// An answer with a body.
        static func ok(_ body: String, status: String = "200 OK", headers: String = "") -> Reply {
            .say("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
        }
    }

    typealias Script = @Sendable (_ request: String, _ number: Int) -> Reply

    /// What happens at the target, as it happens.
    enum Event: Sendable {
        case requested
        case closed
    }

    let events = AsyncStream<Event>.makeStream()
    private let requests = Mutex<[String]>([])

    /// The requests as they came, byte by byte.
    var received: [String] { requests.withLock { $0 } }

    fileprivate func note(_ request: String) -> Int {
        defer { events.continuation.yield(.requested) }
        return requests.withLock { requests in
            requests.append(request)
            return requests.count
        }
    }

    /// Runs a target, and a service of it whose policy allows all, for as long as `body` takes.
    static func run(
        base: String = "", timeout: Duration = .seconds(10), script: @escaping Script,
        _ body: (TargetServer, HTTPService) async throws -> Void
    ) async throws {
        let server = TargetServer()
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try child.pipeline.syncOperations.addHandler(TargetHandler(server: server, script: script))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let url = try #require(URL(string: "http://127.0.0.1:\(channel.localAddress?.port ?? 0)\(base)"))
        let client = HTTPService.makeClient()
        let rule = try HTTPAccessPolicy.Rule(methods: ["*"], paths: [#require(PathPattern("/**"))])
        let service = HTTPService(
            .init(target: url, policy: HTTPAccessPolicy(rules: [rule]), timeout: timeout), client: client)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(server, service))
        } catch {
            result = .failure(error)
        }
        try await client.shutdown()
        try await channel.close()
        try result.get()
    }
}

private final class TargetHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let server: TargetServer
    private let script: TargetServer.Script
    private var text = ""

    init(server: TargetServer, script: @escaping TargetServer.Script) {
        self.server = server
        self.script = script
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        text += String(buffer: unwrapInboundIn(data))
        while let end = text.range(of: "\r\n\r\n") {
            let head = text[..<end.lowerBound].lowercased()
            let length = head.firstMatch(of: /content-length: (\d+)/).flatMap { Int($0.1) } ?? 0
            guard text[end.upperBound...].utf8.count >= length else { return }
            let request = String(
                text.utf8.prefix(text.utf8.distance(from: text.startIndex, to: end.upperBound) + length))
            text = String(text.dropFirst(request?.count ?? 0))
            reply(script(request ?? "", server.note(request ?? "")), context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        server.events.continuation.yield(.closed)
        context.fireChannelInactive()
    }

    private func reply(_ reply: TargetServer.Reply, _ context: ChannelHandlerContext) {
        switch reply {
        case .say(let text):
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        case .sayAndClose(let text):
            let channel = context.channel
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text))).whenComplete { _ in
                channel.close(promise: nil)
            }
        case .close:
            context.close(promise: nil)
        case .hang:
            break
        }
    }
}
