import Dispatcher
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import RelayFormat
import Synchronization

/// A webhook on this machine: keeps what it was sent, and answers as its test says.
final class WebhookReceiver: Sendable {
    /// One post.
    struct Post: Sendable {
        var path: String
        var id: String
        var timestamp: UInt64
        var signature: String
        var contentType: String
        var body: [UInt8]
    }

    typealias Answer = @Sendable (_ number: Int) async -> Response

    private let posts = Mutex<[Post]>([])
    private let arrivals = AsyncStream<Post>.makeStream()

    /// What it was sent, in order.
    var received: [Post] { posts.withLock { $0 } }

    /// The next posts, as they come.
    var arriving: AsyncStream<Post> { arrivals.stream }

    /// Listens on a port of its own for as long as `body` takes.
    func run(
        answering answer: @escaping Answer, _ body: @escaping @Sendable (_ url: String) async throws -> Void
    ) async throws {
        let router = Router()
        router.post("/**") { request, _ -> Response in
            let bytes = Array(buffer: try await request.body.collect(upTo: 1 << 20))
            func field(_ name: String) -> String { HTTPField.Name(name).flatMap { request.headers[$0] } ?? "" }
            let post = Post(
                path: request.uri.path, id: field("webhook-id"), timestamp: UInt64(field("webhook-timestamp")) ?? 0,
                signature: field("webhook-signature"), contentType: field("content-type"), body: bytes)
            let number = self.posts.withLock { posts in
                posts.append(post)
                return posts.count
            }
            self.arrivals.continuation.yield(post)
            return await answer(number)
        }
        var logger = Logger(label: "webhook-receiver")
        logger.logLevel = .critical
        let listening = AsyncStream<Int>.makeStream()
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { listening.continuation.yield($0.localAddress?.port ?? 0) }, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await application.run() }
            for await port in listening.stream {
                try await body("http://127.0.0.1:\(port)")
                break
            }
            tasks.cancelAll()
            while let result = await tasks.nextResult() {
                if case .failure(let error) = result, !(error is CancellationError) { throw error }
            }
        }
    }
}

/// Webhooks by name.
struct TestWebhooks: WebhookDirectory {
    var endpoints: [String: WebhookEndpoint] = [:]

    init(endpoints: [String: WebhookEndpoint]) {
        self.endpoints = endpoints
    }

    /// Webhooks that nothing is sent to.
    init(names: [String]) {
        guard let secret = WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") else { return }
        for name in names { endpoints[name] = WebhookEndpoint(url: "http://127.0.0.1:1/", secret: secret) }
    }

    func endpoint(named name: String, of tenant: TenantID) async throws -> WebhookEndpoint? { endpoints[name] }
}
