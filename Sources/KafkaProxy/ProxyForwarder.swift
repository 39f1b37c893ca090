public import ForwardProxy
public import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Leads connections of a library that knows no proxies through an HTTP proxy.
///
/// For each server it listens on a port of 127.0.0.1 and carries whatever connects there, byte for byte, through a tunnel
/// of the proxy. TLS is between the library and the server as it would be without: nothing is opened here. Whoever has an
/// account on this machine can come to the same few servers through these ports, and to nothing else; who may do what
/// there is for the servers to ask.
public final class ProxyForwarder: Sendable {
    /// What is bounded.
    public struct Limits: Sendable {
        /// The most servers.
        public var servers = 256
        /// The most connections at a time.
        public var connections = 1024
        /// How long a tunnel may take to be made.
        public var connectTimeout = Duration.seconds(10)

        /// The usual bounds.
        public init() {}
    }

    /// A server behind the proxy.
    struct Server: Hashable, Sendable, CustomStringConvertible {
        let host: String
        let port: UInt16

        /// The host, in brackets if it is an IPv6 address.
        var bracketedHost: String { host.contains(":") ? "[\(host)]" : host }
        var description: String { "\(bracketedHost):\(port)" }
    }

    private struct State {
        var ports: [Server: UInt16] = [:]
        var listeners: [any Channel] = []
        var connections: [ObjectIdentifier: any Channel] = [:]
        var isClosed = false
        /// What was last said of the proxy, so that it is said once.
        var trouble: String?
    }

    private let proxy: ForwardingProxy
    private let limits: Limits
    private let logger: Logger
    private let state = Mutex(State())

    /// Makes a forwarder; it listens when it is asked for a way.
    public init(through proxy: ForwardingProxy, limits: Limits = .init(), logger: Logger) {
        self.proxy = proxy
        self.limits = limits
        self.logger = logger
    }

    /// The port of 127.0.0.1 that leads to a server, the same one each time.
    ///
    /// It blocks for a moment: not to be called in the cooperative pool or on an event loop.
    /// - Returns: nil when it was closed, when there are too many servers, or when the machine has no port to give.
    public func port(to host: String, _ port: UInt16) -> UInt16? {
        let server = Server(host: host, port: port)
        let (known, isFull) = state.withLock { state in
            (state.ports[server], state.isClosed || state.ports.count >= limits.servers)
        }
        if let known { return known }
        guard !isFull else {
            logger.warning("No way through the proxy", metadata: ["server": "\(server)", "reason": "closed or full"])
            return nil
        }
        do {
            let listener = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.backlog, value: 64)
                .childChannelOption(.allowRemoteHalfClosure, value: true)
                .childChannelOption(.autoRead, value: false)
                .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { [weak self] channel in
                    guard let self else { return channel.eventLoop.makeFailedFuture(ChannelError.alreadyClosed) }
                    return self.accept(channel, to: server)
                }
                .bind(host: "127.0.0.1", port: 0).wait()
            return keep(listener, for: server)
        } catch {
            logger.error("No way through the proxy", metadata: ["server": "\(server)", "reason": "\(error)"])
            return nil
        }
    }

    /// Closes all connections and listens no more; returns when that is done.
    public func close() async {
        let channels = state.withLock { state in
            state.isClosed = true
            state.ports = [:]
            defer {
                state.listeners = []
                state.connections = [:]
            }
            return state.listeners + state.connections.values
        }
        for channel in channels { try? await channel.close().get() }
    }

    /// Notes a listener, unless another thread was sooner.
    private func keep(_ listener: any Channel, for server: Server) -> UInt16? {
        guard let number = listener.localAddress?.port.flatMap(UInt16.init(exactly:)) else { return nil }
        let kept: UInt16? = state.withLock { state in
            if let known = state.ports[server] { return known }
            guard !state.isClosed, state.ports.count < limits.servers else { return nil }
            state.ports[server] = number
            state.listeners.append(listener)
            return number
        }
        if kept != number { listener.close(promise: nil) }
        return kept
    }

    private func accept(_ local: any Channel, to server: Server) -> EventLoopFuture<Void> {
        let isTaken = state.withLock { state in
            guard !state.isClosed, state.connections.count < limits.connections else { return false }
            state.connections[ObjectIdentifier(local)] = local
            return true
        }
        guard isTaken else {
            report("too many connections, or closed", server)
            return local.close()
        }
        local.closeFuture.whenComplete { [self] _ in
            state.withLock { _ = $0.connections.removeValue(forKey: ObjectIdentifier(local)) }
        }
        let tunnel = ProxyTunnel(proxy: proxy, server: server, timeout: TimeAmount(limits.connectTimeout))
        let end = TunnelEnd()
        do {
            try local.pipeline.syncOperations.addHandler(end)
        } catch {
            return local.close()
        }
        // The connection is accepted first and waits unread: its way is not ready yet.
        tunnel.open(for: local, end: NIOLoopBound(end, eventLoop: local.eventLoop)).whenComplete { [self] result in
            switch result {
            case .success: report(nil, server)
            case .failure(let error):
                report(ForwardingProxy.words(of: error), server)
                local.close(promise: nil)
            }
        }
        return local.eventLoop.makeSucceededVoidFuture()
    }

    /// Says what is wrong with the proxy when that is news.
    private func report(_ trouble: String?, _ server: Server) {
        let isNews = state.withLock { state in
            defer { state.trouble = trouble }
            return trouble != nil && trouble != state.trouble && !state.isClosed
        }
        guard isNews, let trouble else { return }
        logger.warning(
            "The proxy makes no tunnel",
            metadata: ["proxy": "\(proxy)", "server": "\(server)", "reason": "\(trouble)"])
    }
}
