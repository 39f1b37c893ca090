import Dispatcher
import DispatcherProtocol
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import RelayDelivery
import RelayFormat
import RequestLedger
import Testing

@Suite("News to webhooks", .serialized, .timeLimit(.minutes(1)))
struct WebhookSenderTests {
    private let tenant = TenantID.random()
    private let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    private func submission(webhook: String = "billing") -> DurableRequest {
        let now = RelayTime(milliseconds: 1_700_000_000_000)
        return DurableRequest(
            id: .random(), tenant: tenant, group: .random(), groupName: "site", service: "orders", caller: "k1",
            idempotencyKey: nil, fingerprint: [],
            operation: .http(.init(method: "POST", target: "/", headers: [], body: [])),
            parkUntil: now, submittedAt: now, webhook: webhook,
            progress: .init(
                standing: .granted, requestClass: .once, attempt: 1, losses: 0, deadline: now + .seconds(60),
                holder: nil))
    }

    private func ended(_ request: DurableRequest, _ outcome: ResponseMessage.Outcome, after seconds: Int = 5)
        -> LedgerChange
    {
        LedgerChange(
            id: request.id, progress: request.progress, events: [],
            ending: RequestEnding(
                outcome, connectorName: "gw-1", attempt: 1, at: request.submittedAt + .seconds(seconds)))
    }

    private let answered = ResponseMessage.Outcome.http(
        HTTPResponseContent(
            status: 201, headers: [.init("Location", "/orders/7")], body: Array(#"{"order": 7}"#.utf8)[...]))

    /// Runs a ledger, a receiver and a sender for as long as `body` takes.
    private func run(
        retries: [Duration] = [.milliseconds(30), .milliseconds(30)], timeout: Duration = .seconds(5),
        answering answer: @escaping WebhookReceiver.Answer,
        _ body: @escaping @Sendable (SubmissionLedger, WebhookReceiver) async throws -> Void
    ) async throws {
        let path = NSTemporaryDirectory() + "postern-webhooks-" + BootID.random().description
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let ledger = try await SubmissionLedger.open(path: path + "/ledger.sqlite", logger: logger)
        let secret = try #require(WebhookSecret(secret))
        let receiver = WebhookReceiver()
        try await receiver.run(answering: answer) { url in
            let sender = WebhookSender(
                ledger: ledger,
                directory: TestWebhooks(
                    endpoints: [
                        "billing": WebhookEndpoint(url: url + "/hook", secret: secret),
                        "nowhere": WebhookEndpoint(url: "http://127.0.0.1:1/", secret: secret),
                    ]),
                configuration: WebhookConfiguration(
                    retries: retries, timeout: timeout, interval: .milliseconds(10), version: "test"),
                logger: logger)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await sender.run() }
                try await body(ledger, receiver)
                tasks.cancelAll()
            }
        }
        await ledger.close()
    }

    /// Waits until the one delivery of a request is not pending any more.
    private func settled(_ request: DurableRequest, in ledger: SubmissionLedger) async throws -> WebhookDelivery {
        for _ in 0..<1000 {
            if let last = try await ledger.deliveries(of: request.id, in: tenant).last, last.state != .pending {
                return last
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        return try #require(try await ledger.deliveries(of: request.id, in: tenant).last)
    }

    @Test("a result is posted, signed, and posted again under its id until it is taken")
    func retried() async throws {
        try await run(answering: { $0 == 1 ? Response(status: .internalServerError) : Response(status: .noContent) }) {
            ledger, receiver in
            let request = submission()
            #expect(try await ledger.submit(request) == .stored)
            try await ledger.record([ended(request, answered)])
            let delivery = try await settled(request, in: ledger)
            #expect(delivery.state == .delivered)
            #expect(delivery.attempts == 2)
            #expect(delivery.detail == "status 204")
            let posts = receiver.received
            #expect(posts.count == 2)
            #expect(Set(posts.map(\.id)) == ["msg_\(delivery.id)"])
            let key = try #require(WebhookSecret(secret))
            let present = UInt64(Date.now.timeIntervalSince1970)
            for post in posts {
                #expect(post.path == "/hook")
                #expect(post.contentType == "application/json")
                #expect(post.signature == key.signature(id: post.id, timestamp: post.timestamp, body: post.body))
                #expect(present - post.timestamp < 60)
                let message = try JSONDecoder().decode(WebhookMessage.self, from: Data(post.body))
                #expect(message.type == "request.ended")
                #expect(message.timestamp.text == "2023-11-14T22:13:25.000Z")
                #expect(message.data.requestID == "\(request.id)")
                #expect(message.data.state == "answered")
                #expect(message.data.status == 201)
                #expect(message.data.headers == ["location": "/orders/7"])
                #expect(message.data.body == #"{"order": 7}"#)
                #expect(message.data.connector == "gw-1")
            }
        }
    }

    @Test("an unknown outcome is told, and told again when it is known")
    func resolved() async throws {
        try await run(answering: { _ in Response(status: .ok) }) { ledger, receiver in
            let request = submission()
            #expect(try await ledger.submit(request) == .stored)
            var arriving = receiver.arriving.makeAsyncIterator()
            try await ledger.record([ended(request, .failed(.init(.outcomeUnknown, "gw-1 is gone")))])
            let first = try #require(await arriving.next())
            let unknown = try JSONDecoder().decode(WebhookMessage.self, from: Data(first.body))
            #expect(unknown.type == "request.ended")
            #expect(unknown.data.failure == .init(code: "outcome_unknown", detail: "gw-1 is gone"))
            try await ledger.record([ended(request, answered, after: 90)])
            let second = try #require(await arriving.next())
            let known = try JSONDecoder().decode(WebhookMessage.self, from: Data(second.body))
            #expect(known.type == "request.resolved")
            #expect(known.data.status == 201)
            #expect(first.id != second.id)
        }
    }

    @Test("a webhook that is gone is given up at once, one that fails after the last retry")
    func givenUp() async throws {
        try await run(answering: { $0 == 1 ? Response(status: .gone) : Response(status: .badGateway) }) {
            ledger, receiver in
            let gone = submission()
            #expect(try await ledger.submit(gone) == .stored)
            try await ledger.record([ended(gone, answered)])
            let first = try await settled(gone, in: ledger)
            #expect(first.state == .givenUp)
            #expect(first.attempts == 1)
            #expect(first.detail == "status 410")
            let failing = submission()
            let unreachable = submission(webhook: "nowhere")
            let unnamed = submission(webhook: "deleted")
            for request in [failing, unreachable, unnamed] {
                #expect(try await ledger.submit(request) == .stored)
                try await ledger.record([ended(request, answered)])
            }
            let second = try await settled(failing, in: ledger)
            #expect(second.state == .givenUp)
            #expect(second.attempts == 3)
            #expect(second.detail == "status 502")
            let third = try await settled(unreachable, in: ledger)
            #expect(third.state == .givenUp)
            #expect(third.attempts == 3)
            #expect(third.detail == "no connection")
            let fourth = try await settled(unnamed, in: ledger)
            #expect(fourth.attempts == 1)
            #expect(fourth.state == .givenUp)
            #expect(receiver.received.count == 4)
        }
    }

    @Test("redirects are not followed, endless answers not read, slow ones not waited for")
    func hostile() async throws {
        try await run(
            retries: [], timeout: .milliseconds(300),
            answering: { number in
                switch number {
                case 1: return Response(status: .found, headers: [.location: "/elsewhere"])
                case 2:
                    let endless = ResponseBody { writer in
                        while !Task.isCancelled {
                            try await writer.write(ByteBuffer(repeating: 0x61, count: 65_536))
                        }
                        try await writer.finish(nil)
                    }
                    return Response(status: .ok, body: endless)
                default:
                    try? await Task.sleep(for: .seconds(30))
                    return Response(status: .ok)
                }
            }
        ) { ledger, receiver in
            var outcomes: [WebhookDelivery] = []
            for _ in 0..<3 {
                let request = submission()
                #expect(try await ledger.submit(request) == .stored)
                try await ledger.record([ended(request, answered)])
                outcomes.append(try await settled(request, in: ledger))
            }
            #expect(outcomes.map(\.state) == [.givenUp, .delivered, .givenUp])
            #expect(outcomes.map(\.detail) == ["status 302", "status 200", "no answer in time"])
            #expect(receiver.received.map(\.path) == ["/hook", "/hook", "/hook"])
        }
    }
}
