internal import AsyncHTTPClient
internal import Foundation
internal import NIOCore
internal import NIOHTTP1

/// Asks the running connector through its control socket.
public struct ControlClient: Sendable {
    /// Why there is no answer.
    public enum Failure: Error, Equatable {
        /// No service runs with this state folder.
        case notRunning
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

    private func ask<Answer: Decodable>(_ method: HTTPMethod, _ route: String) async throws(Failure) -> Answer {
        guard let url = URL(httpURLWithSocketPath: path, uri: route), FileManager.default.fileExists(atPath: path)
        else { throw .notRunning }
        var request = HTTPClientRequest(url: url.absoluteString)
        request.method = method
        // A socket that a killed process left behind refuses; trying again would only keep the person waiting.
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        do {
            let answer = try await HTTPClient.withHTTPClient(configuration: configuration) { [request] client in
                let response = try await client.execute(request, timeout: .seconds(10))
                return try await response.body.collect(upTo: 1 << 20)
            }
            return try JSONDecoder().decode(Answer.self, from: Data(answer.readableBytesView))
        } catch let error as DecodingError {
            throw .unexpected("\(error)")
        } catch let error as HTTPClientError where error == .deadlineExceeded {
            throw .unexpected("the connector did not answer within 10 seconds")
        } catch {
            throw .notRunning
        }
    }
}
