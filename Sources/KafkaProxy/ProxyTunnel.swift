internal import NIOCore
internal import NIOExtras
internal import NIOHTTP1
internal import NIOPosix

/// One connection through the proxy, and how it is joined to the one that asked for it.
struct ProxyTunnel: Sendable {
    let proxy: ForwardingProxy
    let server: ProxyForwarder.Server
    let timeout: TimeAmount

    /// Opens a tunnel and joins it to the end of a connection of the same event loop, whose bytes flow from then on.
    func open(for local: any Channel, end: NIOLoopBound<TunnelEnd>) -> EventLoopFuture<Void> {
        ClientBootstrap(group: local.eventLoop)
            .connectTimeout(timeout)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .connect(host: proxy.host, port: proxy.port)
            .flatMap { remote in
                connect(remote, to: end)
                    .flatMap { local.setOption(.autoRead, value: true) }
                    .flatMapError { error in
                        remote.close(promise: nil)
                        return local.eventLoop.makeFailedFuture(error)
                    }
            }
    }

    /// Asks the proxy for the tunnel, then joins both ends.
    private func connect(_ remote: any Channel, to local: NIOLoopBound<TunnelEnd>) -> EventLoopFuture<Void> {
        let connected = remote.eventLoop.makePromise(of: Void.self)
        do {
            let encoder = HTTPRequestEncoder()
            let decoder = ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes))
            let handler = NIOHTTP1ProxyConnectHandler(
                targetHost: server.bracketedHost, targetPort: Int(server.port),
                headers: proxy.headers(target: "\(server)"), deadline: .now() + timeout, promise: connected)
            try remote.pipeline.syncOperations.addHandlers([encoder, decoder, handler])
            let end = TunnelEnd()
            let parts = NIOLoopBound((encoder, decoder, end), eventLoop: remote.eventLoop)
            return connected.futureResult.flatMap {
                let (encoder, decoder, end) = parts.value
                let pipeline = remote.pipeline.syncOperations
                do {
                    // A server of Kafka never speaks first: nothing can be left over in the decoder.
                    try pipeline.addHandler(end)
                    end.join(local.value)
                } catch {
                    return remote.eventLoop.makeFailedFuture(error)
                }
                return pipeline.removeHandler(encoder).and(pipeline.removeHandler(decoder)).map { _ in }
            }.map { local.value.join(parts.value.2) }
        } catch {
            connected.fail(error)
            return connected.futureResult
        }
    }

    /// What went wrong on the way, for people.
    static func words(of error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            return error.connectionErrors.last.map { words(of: $0.error) } ?? "the proxy's name has no address"
        case ChannelError.connectTimeout: return "the proxy does not answer"
        case let error as NIOHTTP1ProxyConnectHandler.Error:
            if error == .httpProxyHandshakeTimeout() { return "the proxy does not answer CONNECT" }
            let status =
                error == .proxyAuthenticationRequired()
                ? 407 : String(describing: error).firstMatch(of: /status: [^,)]*?(\d{3})/).flatMap { Int($0.1) }
            // Tinyproxy answers a wrong password as a server would.
            if status == 407 || status == 401 {
                return "the proxy answers \(status ?? 407): it wants a user and a password, or others than these"
            }
            if let status {
                return "the proxy answers \(status): look whether it lets CONNECT to this server and port pass"
            }
            return String(String(describing: error).prefix(200))
        default: return String(String(describing: error).prefix(200))
        }
    }
}
