internal import AsyncHTTPClient
internal import DispatcherProtocol
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import RelayDelivery
internal import RelayFormat

/// Posts to webhooks: one attempt each, without redirects, bounded in time and in what is read.
struct WebhookAttempt: Sendable {
    /// What came of an attempt.
    enum Outcome: Sendable, Equatable {
        /// The webhook took it.
        case taken(String)
        /// It did not, and may later.
        case failed(String)
        /// It did not, and will not.
        case refused(String)
    }

    private let client: HTTPClient
    private let configuration: WebhookConfiguration

    init(_ configuration: WebhookConfiguration) {
        self.configuration = configuration
        let timeout = TimeAmount(configuration.timeout)
        var settings = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: timeout, read: timeout))
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = configuration.perWebhook
        // A refused connection is an attempt that failed; the library would try it again until the time is over.
        settings.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
    }

    /// What is told of an ending.
    static func body(
        _ delivery: WebhookDelivery, _ request: DurableRequest, _ ending: RequestEnding
    ) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let message = WebhookMessage(
            type: delivery.kind.name, timestamp: Timestamp(ending.at), data: SubmissionReport(request))
        return Array(try encoder.encode(message))
    }

    /// Posts once.
    func post(
        _ delivery: WebhookDelivery, body: [UInt8], to endpoint: WebhookEndpoint, at now: RelayTime
    ) async -> Outcome {
        let seconds = now.milliseconds / 1000
        let id = "msg_\(delivery.id)"
        var request = HTTPClientRequest(url: endpoint.url)
        request.method = .POST
        request.headers = [
            "content-type": "application/json", "user-agent": "Postern/\(configuration.version)", "webhook-id": id,
            "webhook-timestamp": "\(seconds)",
            "webhook-signature": endpoint.secret.signature(id: id, timestamp: seconds, body: body),
        ]
        request.body = .bytes(body)
        do {
            let answer = try await client.execute(request, timeout: TimeAmount(configuration.timeout))
            // What is longer than the bound ends the connection, not the delivery.
            _ = try? await answer.body.collect(upTo: configuration.largestAnswer)
            let status = Int(answer.status.code)
            switch status {
            case 200..<300: return .taken("status \(status)")
            case 410: return .refused("status 410")
            default: return .failed("status \(status)")
            }
        } catch {
            return .failed(HTTPClientFailure.words(of: error))
        }
    }

    func close() async {
        try? await client.shutdown()
    }
}
