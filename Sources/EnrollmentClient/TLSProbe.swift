internal import NIOCore
internal import NIOExtras
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

/// Looks at a server before anything secret is said: opens TLS without believing it, and asks one public question.
///
/// The handshake proves that the server holds the key of the leaf that it shows, nothing more. The connection carries
/// no credentials and is closed after the one answer.
struct TLSProbe: Sendable {
    let endpoint: TenantEndpoint
    let proxy: ProxySettings.Proxy?
    var timeout: TimeAmount = .seconds(10)

    /// Asks for a path.
    func look(at path: String) async throws(EnrollmentClientError) -> ServerSighting {
        do {
            return try await exchange(path)
        } catch {
            throw TransportFailure(endpoint: endpoint, proxy: proxy).error(for: error)
        }
    }

    private func exchange(_ path: String) async throws -> ServerSighting {
        let channel = try await connect()
        defer { channel.close(promise: nil) }
        let loop = channel.eventLoop
        let answer = loop.makePromise(of: ProbeAnswer.self)
        let shown = loop.makePromise(of: PresentedChain.self)
        let deadline = loop.scheduleTask(in: timeout) { answer.fail(ChannelError.connectTimeout(timeout)) }
        answer.futureResult.whenComplete { result in
            deadline.cancel()
            // Without an answer nobody asks for the chain: let it go.
            if case .failure(let error) = result { shown.fail(error) }
        }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        // Verification is replaced by the callback below, which only writes down what it sees.
        configuration.trustRoots = .certificates([])
        let context = try NIOSSLContext(configuration: configuration)
        let host = endpoint.isAddress ? nil : endpoint.host
        try await loop.submit {
            let sync = channel.pipeline.syncOperations
            try sync.addHandler(
                NIOSSLClientHandler(
                    context: context, serverHostname: host,
                    customVerificationCallback: { certificates, verdict in
                        shown.succeed(
                            PresentedChain(certificates: certificates.compactMap { try? $0.toDERBytes() }))
                        verdict.succeed(.certificateVerified)
                    }))
            try sync.addHTTPClientHandlers()
            try sync.addHandler(ProbeHandler(answer: answer))
        }.get()
        let head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: path,
            headers: ["host": endpoint.authority, "connection": "close", "accept": "application/json"])
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        let received = try await answer.futureResult.get()
        return ServerSighting(
            chain: try await shown.futureResult.get(), status: Int(received.status),
            date: received.date.flatMap(TenantResponse.date), body: received.body)
    }

    /// Opens the connection: to the server, or through the proxy's tunnel.
    private func connect() async throws -> any Channel {
        let channel = try await Self.open(
            host: proxy?.host ?? endpoint.host, port: proxy?.port ?? endpoint.port, timeout: timeout)
        guard let proxy else { return channel }
        do {
            try await openTunnel(on: channel, through: proxy)
        } catch {
            channel.close(promise: nil)
            throw error
        }
        return channel
    }

    /// Opens a plain connection to whichever of a host's addresses answers first.
    static func open(host: String, port: Int, timeout: TimeAmount) async throws -> any Channel {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(timeout).connect(host: host, port: port).get()
    }

    /// Opens the connection and closes it.
    func knock() async throws(EnrollmentClientError) {
        do {
            try await connect().close(promise: nil)
        } catch {
            throw TransportFailure(endpoint: endpoint, proxy: proxy).error(for: error)
        }
    }

    private func openTunnel(on channel: any Channel, through proxy: ProxySettings.Proxy) async throws {
        let tunnel = channel.eventLoop.makePromise(of: Void.self)
        try await channel.eventLoop.submit {
            let sync = channel.pipeline.syncOperations
            var headers = HTTPHeaders([("host", endpoint.authority)])
            if let credentials = proxy.credentials {
                headers.add(name: "proxy-authorization", value: credentials.basicAuthorization)
            }
            try sync.addHandler(HTTPRequestEncoder(), name: "tunnel-encoder")
            try sync.addHandler(
                ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)), name: "tunnel-decoder")
            try sync.addHandler(
                NIOHTTP1ProxyConnectHandler(
                    targetHost: endpoint.bracketedHost, targetPort: endpoint.port, headers: headers,
                    deadline: .now() + timeout,
                    promise: tunnel))
        }.get()
        try await tunnel.futureResult.get()
        for name in ["tunnel-encoder", "tunnel-decoder"] { try await channel.pipeline.removeHandler(name: name).get() }
    }
}
