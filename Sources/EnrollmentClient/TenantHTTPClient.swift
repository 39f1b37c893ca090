internal import AsyncHTTPClient
public import EnrollmentProtocol
internal import Foundation
internal import Logging
public import MachineIdentity
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import HTTPProblems

/// Calls a tenant's HTTP API over TLS that believes exactly whom its settings name.
///
/// With `requiredIssuer` every single connection is held to the issuer that was pinned, before a request is sent on it.
public final class TenantHTTPClient: Sendable {
    /// What a client is made of.
    public struct Configuration: Sendable {
        /// Where the tenant is.
        public var endpoint: TenantEndpoint
        /// Whom to believe, and who we are.
        public var tls: ClientTLS
        /// The certificate, in DER, that must have signed the server's leaf; nil if the trust rule is enough.
        public var requiredIssuer: [UInt8]?
        /// The issuer that the server's certificate had, for the text of a failure alone.
        public var expectedIssuer: Pin?
        /// The way out.
        public var proxies: ProxySettings
        /// What goes into `Authorization: Bearer`; nil for none.
        public var bearer: Secret?
        /// How long connecting may take, in seconds.
        public var connectTimeout: Int
        /// How long a call may take unless it says otherwise, in seconds.
        public var callTimeout: Int
        /// The largest body of an answer in bytes, unless a call says otherwise.
        public var longestAnswer: Int
        /// The most connections at a time.
        public var connections: Int

        /// Makes a configuration with the usual limits.
        public init(
            endpoint: TenantEndpoint, tls: ClientTLS, requiredIssuer: [UInt8]? = nil, expectedIssuer: Pin? = nil,
            proxies: ProxySettings = .none, bearer: Secret? = nil, connectTimeout: Int = 10, callTimeout: Int = 30,
            longestAnswer: Int = 1 << 20,
            connections: Int = 8
        ) {
            self.endpoint = endpoint
            self.tls = tls
            self.requiredIssuer = requiredIssuer
            self.expectedIssuer = expectedIssuer
            self.proxies = proxies
            self.bearer = bearer
            self.connectTimeout = connectTimeout
            self.callTimeout = callTimeout
            self.longestAnswer = longestAnswer
            self.connections = connections
        }
    }

    private let configuration: Configuration
    private let failure: TransportFailure
    private let distrust: ServerDistrust
    private let client: HTTPClient

    /// Where the tenant is.
    public var endpoint: TenantEndpoint { configuration.endpoint }

    /// Makes a client; it must be shut down.
    public init(_ configuration: Configuration) throws(EnrollmentClientError) {
        let proxy = configuration.proxies.proxy(for: configuration.endpoint)
        var settings = HTTPClient.Configuration(
            tlsConfiguration: try configuration.tls.configuration(), redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(Int64(configuration.connectTimeout))), proxy: proxy.map(Self.proxy))
        settings.httpVersion = .http1Only
        settings.connectionPool.retryConnectionEstablishment = false
        settings.connectionPool.idleTimeout = .seconds(20)
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = configuration.connections
        if let issuer = configuration.requiredIssuer {
            let endpoint = configuration.endpoint
            // Runs after the handshake and before the first request of a connection; its failure ends both.
            settings.http1_1ConnectionDebugInitializer = { channel in
                channel.nioSSL_peerCertificate().flatMapThrowing { leaf in
                    guard let leaf = try leaf?.toDERBytes(), PresentedChain.isSigned(leaf, by: issuer) else {
                        throw ServerExamination.changedIssuer(of: endpoint)
                    }
                }
            }
        }
        self.configuration = configuration
        failure = TransportFailure(endpoint: configuration.endpoint, proxy: proxy)
        distrust = ServerDistrust(
            endpoint: configuration.endpoint, proxy: proxy, trust: configuration.tls.trust,
            expectedIssuer: configuration.expectedIssuer)
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
    }

    /// Closes all connections.
    public func shutdown() async {
        // A failure here means that it was shut down already.
        try? await client.shutdown()
    }

    /// Sends a request as it is, and takes the answer as it is; throws only if there is none.
    public func exchange(
        _ method: String, _ path: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil,
        timeout: Int? = nil, longestAnswer: Int? = nil
    ) async throws(EnrollmentClientError) -> TenantResponse {
        var request = HTTPClientRequest(url: configuration.endpoint.description + path)
        request.method = HTTPMethod(rawValue: method)
        request.headers.add(contentsOf: headers.map { ($0.name, $0.value) })
        if let bearer = configuration.bearer {
            request.headers.replaceOrAdd(name: "authorization", value: "Bearer \(bearer.reveal())")
        }
        if let body { request.body = .bytes(body) }
        do {
            let response = try await client.execute(
                request, timeout: .seconds(Int64(timeout ?? configuration.callTimeout)))
            let content = try await response.body.collect(upTo: longestAnswer ?? configuration.longestAnswer)
            return TenantResponse(
                status: Int(response.status.code), headers: response.headers.map { ($0.name, $0.value) },
                body: Array(content.readableBytesView))
        } catch {
            // The handshake cannot say it: the library only knows that there was no signature.
            if let reason = configuration.tls.key?.heldKey?.lastFailure { throw EnrollmentClientError(signing: reason) }
            let error = failure.error(for: error)
            guard error.code == .untrustedServer else { throw error }
            throw await distrust.explain(error)
        }
    }

    /// Sends a request of the API and reads its JSON answer; a problem is thrown.
    public func call<Answer: Decodable>(
        _ method: String, _ path: String, returning: Answer.Type = Answer.self
    ) async throws(EnrollmentClientError) -> Answer {
        try answer(to: await perform(method, path, body: nil))
    }

    /// Sends a request of the API with a JSON body and reads its JSON answer; a problem is thrown.
    public func call<Answer: Decodable>(
        _ method: String, _ path: String, body: some EnrollmentRequest, returning: Answer.Type = Answer.self
    ) async throws(EnrollmentClientError) -> Answer {
        try answer(to: await perform(method, path, body: body))
    }

    /// Sends a request of the API that has no answer but its status; a problem is thrown.
    public func call(
        _ method: String, _ path: String, body: (any EnrollmentRequest)? = nil
    ) async throws(EnrollmentClientError) {
        _ = try await perform(method, path, body: body)
    }

    func perform(
        _ method: String, _ path: String, body: (any EnrollmentRequest)?
    ) async throws(EnrollmentClientError) -> TenantResponse {
        var headers = [(name: "accept", value: "application/json")]
        var bytes: [UInt8]?
        if let body {
            guard let encoded = try? EnrollmentJSON.encode(body) else {
                preconditionFailure("requests are texts, numbers and dates")
            }
            bytes = Array(encoded)
            headers.append(("content-type", "application/json"))
        }
        if method == "POST" { headers.append(("idempotency-key", UUID().uuidString)) }
        let response = try await exchange(method, path, headers: headers, body: bytes)
        if let problem = response.problem { throw Self.error(problem) }
        return response
    }

    static func error(_ problem: ProblemDetails) -> EnrollmentClientError {
        EnrollmentClientError(
            problem.status == 429 || problem.status >= 500 ? .unavailable : .refused, problem.detail,
            advice: problem.instance.map { "Request id: \($0)." } ?? "", problem: problem)
    }

    func answer<Answer: Decodable>(to response: TenantResponse) throws(EnrollmentClientError) -> Answer {
        guard let answer = try? EnrollmentJSON.decode(Answer.self, from: Data(response.body)) else {
            throw EnrollmentClientError(
                .unexpectedAnswer, "\(endpoint) answered \(response.status), but not as the API promises.",
                advice: "Look whether the URL is that of a Postern tenant, and whether both versions fit.")
        }
        return answer
    }

    private static func proxy(_ proxy: ProxySettings.Proxy) -> HTTPClient.Configuration.Proxy {
        .server(
            host: proxy.host, port: proxy.port,
            authorization: proxy.credentials.map { .basic(username: $0.user, password: $0.password.reveal()) })
    }
}
