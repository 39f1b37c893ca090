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
    /// What was seen.
    struct Sighting: Sendable {
        /// The certificates that the server showed.
        let chain: PresentedChain
        /// The status of the answer.
        let status: Int
        /// The body of the answer.
        let body: [UInt8]
    }

    let endpoint: TenantEndpoint
    let proxy: ProxySettings.Proxy?
    var timeout: TimeAmount = .seconds(10)

    /// Asks for a path.
    func look(at path: String) async throws(EnrollmentClientError) -> Sighting {
        do {
            return try await exchange(path)
        } catch {
            throw TransportFailure(endpoint: endpoint, proxy: proxy).error(for: error)
        }
    }

    private func exchange(_ path: String) async throws -> Sighting {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(timeout)
            .connect(host: proxy?.host ?? endpoint.host, port: proxy?.port ?? endpoint.port).get()
        defer { channel.close(promise: nil) }
        if let proxy { try await openTunnel(on: channel, through: proxy) }

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
        return Sighting(
            chain: try await shown.futureResult.get(), status: Int(received.status), body: received.body)
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
                    targetHost: endpoint.host, targetPort: endpoint.port, headers: headers, deadline: .now() + timeout,
                    promise: tunnel))
        }.get()
        try await tunnel.futureResult.get()
        for name in ["tunnel-encoder", "tunnel-decoder"] { try await channel.pipeline.removeHandler(name: name).get() }
    }
}
