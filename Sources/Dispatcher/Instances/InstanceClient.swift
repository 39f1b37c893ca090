internal import AsyncHTTPClient
internal import Foundation
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL

/// Asks other dispatchers over HTTPS: no redirects, no proxy, bounded in time and in what is read.
public final class InstanceClient: InstanceTransport {
    /// Who vouches for the others' ports.
    public enum Trust: Sendable {
        /// These certificates alone, PEM.
        case roots(pem: String)
        /// Those of the system, and these, PEM.
        case system(andPEM: String)
    }

    private static let connectTimeout = TimeAmount.seconds(2)
    private static let largestAnswer = 16 << 20

    private let client: HTTPClient

    /// Makes a client.
    ///
    /// - Throws: what the TLS library says of certificates that it cannot read.
    public init(trust: Trust) throws {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        switch trust {
        case .roots(let pem):
            tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)))
        case .system(let pem):
            tls.additionalTrustRoots = [.certificates(try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)))]
        }
        var settings = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow, timeout: .init(connect: Self.connectTimeout))
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        // A refused connection is the answer; the library would try it again until the time is over.
        settings.connectionPool.retryConnectionEstablishment = false
        // An instance is known gone by its closed port; nothing else is to keep callers waiting for a dead connection.
        settings.connectionPool.idleTimeout = .seconds(20)
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
    }

    public func send(
        _ request: InstanceRequest, to address: String, within limit: Duration
    ) async throws(InstanceUnreachable) -> InstanceAnswer {
        var asked = HTTPClientRequest(url: address + request.target)
        asked.method = HTTPMethod(rawValue: request.method.rawValue)
        for field in request.headers { asked.headers.add(name: field.name.rawName, value: field.value) }
        if !request.body.isEmpty { asked.body = .bytes(request.body) }
        do {
            let answer = try await client.execute(asked, timeout: TimeAmount(limit))
            let body = try await answer.body.collect(upTo: Self.largestAnswer)
            var headers = HTTPFields()
            for (name, value) in answer.headers {
                guard let name = HTTPField.Name(name) else { continue }
                headers.append(HTTPField(name: name, value: value))
            }
            return InstanceAnswer(status: Int(answer.status.code), headers: headers, body: Array(buffer: body))
        } catch {
            throw InstanceUnreachable(Self.reason(error))
        }
    }

    public func close() async {
        try? await client.shutdown()
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as HTTPClientError where error == .remoteConnectionClosed: "the connection was closed"
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            "TLS: the certificate at its address is not one that is trusted for it"
        default: HTTPClientFailure.words(of: error)
        }
    }
}
