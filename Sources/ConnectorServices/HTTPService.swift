public import AsyncHTTPClient
public import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
public import RelayFormat

/// An HTTP service in the connector's own network.
public struct HTTPService: ConnectorService {
    /// Where the service is and what of it may be used.
    public struct Configuration: Sendable {
        /// Scheme, host, port and an optional path in front of every request's.
        public var target: URL
        /// What the tenant may use.
        public var policy: HTTPAccessPolicy
        /// The longest time for one request, however long its caller would wait.
        public var timeout: Duration
        /// What is said of side effects and bounds.
        public var terms: ServiceTerms

        /// Describes a service.
        public init(
            target: URL, policy: HTTPAccessPolicy, timeout: Duration = .seconds(60),
            terms: ServiceTerms = ServiceTerms()
        ) {
            self.target = target
            self.policy = policy
            self.timeout = timeout
            self.terms = terms
        }
    }

    private let configuration: Configuration
    private let client: HTTPClient
    private let base: String

    public var kind: String { "http" }
    public let gate: ServiceGate?

    /// Wraps a target; the client is shared among services and belongs to the caller.
    public init(_ configuration: Configuration, client: HTTPClient) {
        self.configuration = configuration
        self.client = client
        gate = ServiceGate(configuration.terms.limits)
        var base = configuration.target.absoluteString
        while base.hasSuffix("/") { base.removeLast() }
        self.base = base
    }

    public func offer(as name: String) -> ServiceOffer { configuration.terms.offer(as: name) }

    public func authorize(_ operation: RequestMessage.Operation) throws(RequestFailure) {
        switch operation {
        case .http(let content):
            try configuration.policy.authorize(method: content.method, target: content.target)
            if let field = content.headers.first(where: { Self.rewriting.contains($0.name.lowercased()) }) {
                throw RequestFailure(
                    .deniedByPolicy, "the field \(field.name) may stand for another method or path than was judged")
            }
        }
    }

    /// Fields by which many frameworks take another method or path than the request line's.
    private static let rewriting: Set<String> = [
        "x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url",
    ]

    public func perform(
        _ operation: RequestMessage.Operation, as requestClass: RequestClass, timeout: Duration
    ) async -> ResponseMessage.Outcome {
        switch operation {
        case .http(let content): await exchange(content, requestClass, timeout: timeout)
        }
    }

    private func exchange(
        _ content: HTTPRequestContent, _ requestClass: RequestClass, timeout: Duration
    ) async -> ResponseMessage.Outcome {
        let end = ContinuousClock.now + min(timeout, configuration.timeout)
        var request = HTTPClientRequest(url: base + content.target.asURITarget)
        request.method = HTTPMethod(rawValue: content.method)
        for field in HTTPHeaderField.endToEnd(content.headers)
        where !field.isNamed("host") && !field.isNamed("content-length") {
            request.headers.add(name: field.name, value: field.value)
        }
        if !content.body.isEmpty { request.body = .bytes(ByteBuffer(bytes: content.body)) }
        // At the deadline the dispatcher says the same of a `safe` one, whoever of both is first.
        let isDeadline = requestClass == .safe && timeout <= configuration.timeout
        do {
            let response = try await execute(request, requestClass, until: end)
            return try await read(response, isHead: content.method == "HEAD", until: end)
        } catch is Overdue {
            let code = isDeadline ? RequestFailure.Code.deadlineExceeded : .targetFailed
            return .failed(RequestFailure(code, "the service did not finish its answer in time"))
        } catch let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout {
            let code = isDeadline ? RequestFailure.Code.deadlineExceeded : .outcomeUnknown
            return .failed(RequestFailure(code, "the service was asked and did not answer in time"))
        } catch {
            return .failed(Self.failure(of: error, mayHaveRun: Self.mayHaveReachedTarget(error)))
        }
    }

    /// Asks once, or a second time where that is safe: a kept connection may end just when it is used again.
    private func execute(
        _ request: HTTPClientRequest, _ requestClass: RequestClass, until end: ContinuousClock.Instant
    ) async throws -> HTTPClientResponse {
        do {
            return try await client.execute(request, timeout: .milliseconds((end - .now).inMilliseconds))
        } catch let error as HTTPClientError where error == .remoteConnectionClosed {
            guard requestClass == .safe else { throw error }
            return try await client.execute(request, timeout: .milliseconds((end - .now).inMilliseconds))
        }
    }

    private func read(
        _ response: HTTPClientResponse, isHead: Bool, until end: ContinuousClock.Instant
    ) async throws(Overdue) -> ResponseMessage.Outcome {
        let status = response.status.code
        guard (200..<600).contains(status) else {
            return .failed(RequestFailure(.targetFailed, "the service answered with status \(status)"))
        }
        let headers = response.headers.map { HTTPHeaderField($0.name, $0.value) }
        let headerBytes = headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        guard headerBytes <= RelayLimits.httpHeaders else {
            return .failed(RequestFailure(.responseTooLarge, "the response's header fields exceed the limit"))
        }
        do {
            let body = isHead ? ByteBuffer() : try await Self.collect(response.body, until: end)
            let content = HTTPResponseContent(
                status: UInt16(status), headers: HTTPHeaderField.endToEnd(headers),
                body: Array(buffer: body)[...])
            return .http(content)
        } catch is NIOTooManyBytesError {
            return .failed(
                RequestFailure(
                    .responseTooLarge, "the service answered with more than \(RelayLimits.inlineBody) bytes"))
        } catch let error as Overdue {
            throw error
        } catch {
            return .failed(RequestFailure(.targetFailed, "the service's answer broke off: \(Self.text(of: error))"))
        }
    }

    /// The answer began in time and did not end in it.
    private struct Overdue: Error {}

    /// Takes the whole body; the client's own timeout ends with the answer's head.
    private static func collect(
        _ body: HTTPClientResponse.Body, until end: ContinuousClock.Instant
    ) async throws -> ByteBuffer {
        try await withThrowingTaskGroup(of: ByteBuffer.self) { group in
            group.addTask { try await body.collect(upTo: RelayLimits.inlineBody) }
            group.addTask {
                try await Task.sleep(until: end, clock: .continuous)
                throw Overdue()
            }
            defer { group.cancelAll() }
            guard let collected = try await group.next() else { throw Overdue() }
            return collected
        }
    }

    private static func mayHaveReachedTarget(_ error: any Error) -> Bool {
        switch error {
        case let error as HTTPClientError:
            let beforeConnection: [HTTPClientError] = [
                .connectTimeout, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout, .socksHandshakeTimeout,
                .httpProxyHandshakeTimeout, .emptyHost, .emptyScheme, .invalidURL,
            ]
            return !beforeConnection.contains(error)
        case is NIOConnectionError, is NIOSSLError: return false
        case let error as IOError:
            // What only an attempt to connect can meet, within the time that a request may take.
            return ![ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EADDRNOTAVAIL].contains(error.errnoCode)
        default: return true
        }
    }

    private static func failure(of error: any Error, mayHaveRun: Bool) -> RequestFailure {
        guard mayHaveRun else {
            return RequestFailure(.targetUnreachable, "the service cannot be reached: \(text(of: error))")
        }
        return RequestFailure(.outcomeUnknown, "the service broke off before it answered: \(text(of: error))")
    }

    private static func text(of error: any Error) -> String {
        if let error = error as? NIOConnectionError {
            return error.connectionErrors.first.map { "\($0.error)" } ?? error.dnsAError.map { "\($0)" } ?? "\(error)"
        }
        if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
        return "\(error)"
    }
}
