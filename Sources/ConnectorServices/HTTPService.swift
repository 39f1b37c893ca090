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

        /// Describes a service.
        public init(target: URL, policy: HTTPAccessPolicy, timeout: Duration = .seconds(60)) {
            self.target = target
            self.policy = policy
            self.timeout = timeout
        }
    }

    private let configuration: Configuration
    private let client: HTTPClient
    private let base: String

    public var kind: String { "http" }

    /// Wraps a target; the client is shared among services and belongs to the caller.
    public init(_ configuration: Configuration, client: HTTPClient) {
        self.configuration = configuration
        self.client = client
        var base = configuration.target.absoluteString
        while base.hasSuffix("/") { base.removeLast() }
        self.base = base
    }

    public func authorize(_ operation: RequestMessage.Operation) throws(RequestFailure) {
        switch operation {
        case .http(let content):
            try configuration.policy.authorize(method: content.method, target: content.target)
        }
    }

    public func perform(_ operation: RequestMessage.Operation, timeout: Duration) async -> ResponseMessage.Outcome {
        switch operation {
        case .http(let content): await exchange(content, timeout: min(timeout, configuration.timeout))
        }
    }

    private func exchange(_ content: HTTPRequestContent, timeout: Duration) async -> ResponseMessage.Outcome {
        var request = HTTPClientRequest(url: base + content.target)
        request.method = HTTPMethod(rawValue: content.method)
        for field in content.headers where !field.isNamed("host") && !field.isNamed("content-length") {
            request.headers.add(name: field.name, value: field.value)
        }
        if !content.body.isEmpty { request.body = .bytes(ByteBuffer(bytes: content.body)) }
        do {
            let response = try await client.execute(request, timeout: .milliseconds(timeout.inMilliseconds))
            return await read(response, isHead: content.method == "HEAD")
        } catch {
            return .failed(Self.failure(of: error, mayHaveRun: Self.mayHaveReachedTarget(error)))
        }
    }

    private func read(_ response: HTTPClientResponse, isHead: Bool) async -> ResponseMessage.Outcome {
        let status = response.status.code
        guard (200..<600).contains(status) else {
            return .failed(RequestFailure(.targetFailed, "the service answered with status \(status)"))
        }
        var headers: [HTTPHeaderField] = []
        var headerBytes = 0
        for (name, value) in response.headers {
            headerBytes += name.utf8.count + value.utf8.count
            headers.append(HTTPHeaderField(name, value))
        }
        guard headerBytes <= RelayLimits.httpHeaders else {
            return .failed(RequestFailure(.responseTooLarge, "the response's header fields exceed the limit"))
        }
        do {
            let body = isHead ? ByteBuffer() : try await response.body.collect(upTo: RelayLimits.inlineBody)
            let content = HTTPResponseContent(
                status: UInt16(status), headers: HTTPHeaderField.endToEnd(headers),
                body: Array(buffer: body)[...])
            return .http(content)
        } catch is NIOTooManyBytesError {
            return .failed(
                RequestFailure(
                    .responseTooLarge, "the service answered with more than \(RelayLimits.inlineBody) bytes"))
        } catch {
            return .failed(RequestFailure(.targetFailed, "the service's answer broke off: \(Self.text(of: error))"))
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
        default: return true
        }
    }

    private static func failure(of error: any Error, mayHaveRun: Bool) -> RequestFailure {
        guard mayHaveRun else {
            return RequestFailure(.targetUnreachable, "the service cannot be reached: \(text(of: error))")
        }
        if let error = error as? HTTPClientError, error == .deadlineExceeded || error == .readTimeout {
            return RequestFailure(.outcomeUnknown, "the service was asked and did not answer in time")
        }
        return RequestFailure(.outcomeUnknown, "the service broke off before it answered: \(text(of: error))")
    }

    private static func text(of error: any Error) -> String {
        if let error = error as? NIOConnectionError {
            return error.connectionErrors.first.map { "\($0.error)" } ?? error.dnsAError.map { "\($0)" } ?? "\(error)"
        }
        return "\(error)"
    }
}
