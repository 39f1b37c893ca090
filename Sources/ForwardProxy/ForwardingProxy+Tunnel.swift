public import NIOCore
internal import NIOExtras
internal import NIOHTTP1
internal import NIOPosix

extension ForwardingProxy {
    /// Asks the proxy, over a connection to it, for a tunnel to a server.
    ///
    /// - Parameters:
    ///   - host: the server's name or address, an IPv6 address in brackets.
    ///   - begin: called on the connection's loop when the tunnel stands and before anything that comes through it is passed
    ///     on: who wants to miss no byte adds his handlers here.
    /// - Returns: a future that fails with what `words(of:)` can tell.
    public func tunnel(
        over channel: any Channel, to host: String, port: Int, within time: TimeAmount,
        begin: @escaping @Sendable (any Channel) throws -> Void = { _ in }
    ) -> EventLoopFuture<Void> {
        let connected = channel.eventLoop.makePromise(of: Void.self)
        do {
            let encoder = HTTPRequestEncoder()
            let decoder = ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes))
            let handler = NIOHTTP1ProxyConnectHandler(
                targetHost: host, targetPort: port, headers: headers(target: "\(host):\(port)"),
                deadline: .now() + time, promise: connected)
            try channel.pipeline.syncOperations.addHandlers([encoder, decoder, handler])
            let handlers = NIOLoopBound((encoder, decoder), eventLoop: channel.eventLoop)
            return connected.futureResult.flatMapThrowing { try begin(channel) }.flatMap {
                let (encoder, decoder) = handlers.value
                let pipeline = channel.pipeline.syncOperations
                return pipeline.removeHandler(encoder).and(pipeline.removeHandler(decoder)).map { _ in }
            }
        } catch {
            connected.fail(error)
            return connected.futureResult
        }
    }

    /// What went wrong on the way to the proxy or in it, for people.
    public static func words(of error: any Error) -> String {
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
