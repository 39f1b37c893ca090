internal import BrokerCore
internal import ForwardProxy
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import NIOWebSocket
internal import Synchronization

/// One connection of a client: through the proxy, TLS and the WebSocket upgrade to the first message and to its end.
final class LinkConnection: Sendable {
    /// What whoever attends to the connection has to react to.
    enum Event: Sendable {
        case challenge(nonce: [UInt8])
        case granted(LinkGrant)
        case credential(LinkCredential)
        case credentialFailed(LinkError)
        case refreshDue
        case overdue
    }

    private struct State: ~Copyable {
        var channel: (any Channel)?
        var outbox: LinkOutbox<ClientMessage>?
        var ending: LinkError?
    }

    private enum Upgraded: Sendable {
        case link
        case refused(EventLoopFuture<HTTPResponseStatus>)
    }

    /// Ends with the connection.
    let events = Mailbox<Event>()
    private let configuration: LinkClient.Configuration
    private let context: NIOSSLContext
    private let onMessages: @Sendable (LinkConnection, [ServerMessage]) -> Void
    private let state = Mutex(State())

    init(
        configuration: LinkClient.Configuration, context: NIOSSLContext,
        onMessages: @escaping @Sendable (LinkConnection, [ServerMessage]) -> Void
    ) {
        self.configuration = configuration
        self.context = context
        self.onMessages = onMessages
    }

    /// Where to write to; nil before the upgrade.
    var outbox: LinkOutbox<ClientMessage>? { state.withLock { $0.outbox } }

    /// Why the connection ended; nil while it has not.
    var ending: LinkError? { state.withLock { $0.ending } }

    /// Connects; what comes of it is in `events`.
    func start(on loop: any EventLoop) {
        let target = "\(bracketedHost):\(configuration.port)"
        ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(configuration.connectTimeout))
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelOption(LinkTransport.unsentLimit, value: LinkTransport.unsentBytes)
            .connect(
                host: configuration.proxy?.host ?? configuration.host,
                port: configuration.proxy?.port ?? configuration.port
            )
            .flatMap { [self] channel in
                hold(channel)
                return tunnel(channel).flatMap { self.upgrade(channel, target: target) }
            }
            .whenComplete { [self] result in
                switch result {
                case .success(.link): break
                case .success(.refused(let status)):
                    status.whenComplete { result in
                        let status = (try? result.get()).map { "\($0)" } ?? "nothing"
                        self.end(LinkError(.unreachable, "\(target) answered the WebSocket upgrade with \(status)"))
                    }
                case .failure(let error): end(LinkError(.unreachable, "\(target): \(Self.words(of: error))"))
                }
            }
    }

    /// Ends the connection and says why; the first reason stays.
    func end(_ error: LinkError) {
        let ended = state.withLock { state -> (LinkOutbox<ClientMessage>?, (any Channel)?)? in
            guard state.ending == nil else { return nil }
            state.ending = error
            return (state.outbox, state.channel)
        }
        guard let (outbox, channel) = ended else { return }
        events.close()
        if let outbox { outbox.finish() } else { channel?.close(promise: nil) }
    }

    private func hold(_ channel: any Channel) {
        let isOver = state.withLock { state in
            state.channel = channel
            return state.ending != nil
        }
        if isOver { channel.close(promise: nil) }
    }

    private func tunnel(_ channel: any Channel) -> EventLoopFuture<Void> {
        guard let proxy = configuration.proxy else { return channel.eventLoop.makeSucceededVoidFuture() }
        return proxy.tunnel(
            over: channel, to: bracketedHost, port: configuration.port, within: TimeAmount(configuration.connectTimeout)
        ).flatMapErrorThrowing { error in
            throw LinkError(
                .unreachable, "the proxy \(proxy) did not make a tunnel: \(ForwardingProxy.words(of: error))")
        }
    }

    private func upgrade(_ channel: any Channel, target: String) -> EventLoopFuture<Upgraded> {
        let future = channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: serverName))
            let upgrader = NIOTypedWebSocketClientUpgrader<Upgraded>(
                maxFrameSize: LinkFrame.largest,
                upgradePipelineHandler: { [self] channel, _ in
                    channel.eventLoop.makeCompletedFuture {
                        try open(channel)
                        return .link
                    }
                })
            let head = HTTPRequestHead(
                version: .http1_1, method: .GET, uri: configuration.path,
                headers: ["Host": target, "Content-Length": "0", "User-Agent": "postern"])
            var pipelineConfiguration = NIOUpgradableHTTPClientPipelineConfiguration<Upgraded>(
                upgradeConfiguration: NIOTypedHTTPClientUpgradeConfiguration(
                    upgradeRequestHead: head, upgraders: [upgrader],
                    notUpgradingCompletionHandler: { channel in
                        channel.eventLoop.makeCompletedFuture {
                            let refusal = UpgradeRefusal(on: channel.eventLoop)
                            try channel.pipeline.syncOperations.addHandler(refusal)
                            return .refused(refusal.status)
                        }
                    }))
            // The challenge may come in one packet with the answer to the upgrade.
            pipelineConfiguration.leftOverBytesStrategy = .forwardBytes
            return try pipeline.configureUpgradableHTTPClientPipeline(configuration: pipelineConfiguration)
        }
        return future.flatMap { $0 }
    }

    private func open(_ channel: any Channel) throws {
        let outbox = LinkOutbox<ClientMessage>(channel: channel, isMasking: true)
        let isOver = state.withLock { state in
            state.outbox = outbox
            return state.ending != nil
        }
        try LinkFrameEncoder.add(to: channel)
        try channel.pipeline.syncOperations.addHandler(
            LinkSocket<ServerMessage>(
                isServer: false, timing: configuration.timing,
                onMessages: { [self] in take($0) }, onEnd: { [self] in end($0) }))
        if isOver { outbox.finish() }
    }

    private func take(_ messages: [ServerMessage]) {
        for message in messages {
            switch message {
            case .challenge(let nonce): events.put(CollectionOfOne(.challenge(nonce: nonce)))
            case .authenticated(let grant): events.put(CollectionOfOne(.granted(grant)))
            case .refused(let refusal, let text): return end(LinkError(.refused(refusal), text))
            default: break
            }
        }
        onMessages(self, messages)
    }

    /// The host, in brackets if it is an IPv6 address (RFC 9110 section 7.2).
    private var bracketedHost: String {
        configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
    }

    /// A failure of the way in words for people.
    private static func words(of error: any Error) -> String {
        if let error = error as? LinkError { return error.message }
        let text = String(describing: error)
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return "the server's certificate is not trusted ('postern doctor' names its issuer)"
        }
        return String(text.prefix(300))
    }

    /// The name for the certificate check; an address is checked against the connection's own.
    private var serverName: String? {
        let name = configuration.serverName ?? configuration.host
        return (try? SocketAddress(ipAddress: name, port: 0)) == nil ? name : nil
    }
}
