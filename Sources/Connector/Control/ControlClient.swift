internal import AsyncHTTPClient
internal import Foundation
internal import NIOCore
internal import NIOHTTP1

/// Asks and orders the running connector through its control socket.
public struct ControlClient: Sendable {
    /// Why there is no answer.
    public enum Failure: Error, Equatable {
        /// No service runs with this state folder.
        case notRunning
        /// The service does not carry the order out.
        case refused(String)
        /// The socket answered with something else.
        case unexpected(String)
    }

    private let path: String

    /// Describes a client of the socket at the given path.
    public init(path: String) {
        self.path = path
    }

    /// Asks for the status.
    public func status() async throws(Failure) -> ConnectorStatus {
        try await ask(.GET, "/v1/status")
    }

    /// Asks for a round trip through the queue.
    public func ping() async throws(Failure) -> ControlAnswer.Ping {
        try await ask(.POST, "/v1/ping")
    }

    /// Orders a drain; its progress is in the status, its end is that of the service.
    public func drain(_ order: ControlOrder.Drain) async throws(Failure) -> ConnectorStatus {
        try await ask(.POST, "/v1/drain", order)
    }

    /// Orders a pause.
    public func pause(_ order: ControlOrder.Pause) async throws(Failure) -> ConnectorStatus {
        try await ask(.POST, "/v1/pause", order)
    }

    /// Ends a pause.
    public func resume() async throws(Failure) -> ConnectorStatus {
        try await ask(.POST, "/v1/resume")
    }

    /// Orders a renewal of the certificate, and waits for how it went.
    public func rotate() async throws(Failure) -> ControlAnswer.Rotation {
        try await ask(.POST, "/v1/rotate", patience: 120)
    }

    private func ask<Answer: Decodable>(
        _ method: HTTPMethod, _ route: String, _ order: (any Encodable)? = nil, patience: Int64 = 10
    ) async throws(Failure) -> Answer {
        guard let url = URL(httpURLWithSocketPath: path, uri: route), FileManager.default.fileExists(atPath: path)
        else { throw .notRunning }
        var request = HTTPClientRequest(url: url.absoluteString)
        request.method = method
        // A socket that a killed process left behind refuses; trying again would only keep the person waiting.
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        let status: HTTPResponseStatus
        let body: Data
        do {
            if let order { request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(order))) }
            (status, body) = try await HTTPClient.withHTTPClient(configuration: configuration) { [request] client in
                let response = try await client.execute(request, timeout: .seconds(patience))
                let body = try await response.body.collect(upTo: 1 << 20)
                return (response.status, Data(body.readableBytesView))
            }
        } catch let error as HTTPClientError where error == .deadlineExceeded {
            throw .unexpected("the connector did not answer within \(patience) seconds")
        } catch {
            throw .notRunning
        }
        do {
            if status == .ok { return try JSONDecoder().decode(Answer.self, from: body) }
            throw Failure.refused(try JSONDecoder().decode(ControlRefusal.self, from: body).message)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .unexpected("the answer (status \(status.code)) cannot be read: \(error)")
        }
    }
}
