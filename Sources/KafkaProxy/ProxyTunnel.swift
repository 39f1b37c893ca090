internal import ForwardProxy
internal import NIOCore
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
        let end = NIOLoopBound(TunnelEnd(), eventLoop: remote.eventLoop)
        return proxy.tunnel(over: remote, to: server.bracketedHost, port: Int(server.port), within: timeout) { remote in
            try remote.pipeline.syncOperations.addHandler(end.value)
            end.value.join(local.value)
        }.map { local.value.join(end.value) }
    }
}
