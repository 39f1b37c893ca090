import BrokerCore
import Connector
import ConnectorServices
import Dispatcher
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import HTTPProblems
import PlainRelay
import RelayDelivery
import RelayFormat
import RelayKeys
import RequestLedger
import TenantPort

/// The dispatcher's HTTP API over an in-memory relay with one connector.
struct RoutesHarness {
    let service: RecordingService
    let callers: TestCallers
    let tenant = TenantID.random()
    private let group = GroupID.random()
    private let bounds: LedgerBounds
    private let audit: DispatcherAudit?

    init(
        bounds: LedgerBounds = LedgerBounds(), audit: DispatcherAudit? = nil,
        answer: @escaping RecordingService.Answer = { .http(.init(status: 200, headers: [], body: $0.body)) }
    ) {
        self.bounds = bounds
        self.audit = audit
        service = RecordingService(answer)
        callers = TestCallers(tenant: tenant, group: group)
    }

    /// Runs the relay for as long as `body` takes.
    func run(_ body: @escaping @Sendable (any TestClientProtocol, RecordingService) async throws -> Void) async throws {
        var logger = Logger(label: "dispatcher-tests")
        logger.logLevel = .critical
        let folder = NSTemporaryDirectory() + "postern-routes-" + BootID.random().description
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let ledger = try await SubmissionLedger.open(path: folder + "/ledger.sqlite", bounds: bounds, logger: logger)
        let broker = InMemoryBroker()
        let dispatcher = DispatchService(
            instance: .random(), broker: broker, keys: TenantKeys.plain, ledger: ledger,
            configuration: .init(
                timing: .init(beat: .milliseconds(300), settling: .milliseconds(900)), version: "test"),
            logger: logger)
        let identity = ConnectorIdentity(
            tenant: tenant, tenantName: "acme", member: .random(), name: "one", boot: .random(), bootNumber: 3,
            groups: [group: "site"])
        let session = ConnectorSession(
            identity: identity, broker: broker, sealing: PlainSealing(identity.party),
            services: ServiceCatalog(["echo": service, "second": service]),
            configuration: .init(beat: .milliseconds(300), version: "1.2.3"), clock: .system, logger: logger)
        let router = Router(context: PortContext.self)
        let administrators = TestAdministrators(tenant: tenant, group: group)
        DispatcherRoutes(
            dispatcher: dispatcher, callers: callers, administrators: administrators,
            webhooks: TestWebhooks(names: ["billing"]), deliveries: ledger, audit: audit
        ).register(on: router)
        ConnectorOrderRoutes(dispatcher: dispatcher, administrators: administrators, audit: audit).register(on: router)
        let application = Application(router: router, logger: logger)
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await dispatcher.run() }
            tasks.addTask { try await session.run() }
            let service = service
            try await application.test(.router) { client in try await body(client, service) }
            tasks.cancelAll()
            await broker.close()
            while let result = await tasks.nextResult() {
                // A tenant that was first seen just now may meet the broker after its end.
                guard case .failure(let error) = result, (error as? BrokerError)?.code != .closed else { continue }
                if !(error is CancellationError) { throw error }
            }
        }
        await ledger.close()
    }
}

/// The API keys of the tests.
struct TestCallers: CallerAuthentication {
    let tenant: TenantID
    let group: GroupID

    func caller(forKey key: String) async throws -> Caller? {
        switch key {
        case "site-key":
            Caller(tenant: tenant, tenantName: "acme", keyID: "k1", groups: ["site": group], services: nil)
        case "second-only":
            Caller(tenant: tenant, tenantName: "acme", keyID: "k2", groups: ["site": group], services: ["second"])
        case "other-tenant":
            Caller(tenant: .random(), tenantName: "rival", keyID: "k3", groups: ["theirs": .random()], services: nil)
        default: nil
        }
    }
}

/// The administrators of the tests.
struct TestAdministrators: AdministratorAuthentication {
    let tenant: TenantID
    var group = GroupID.random()

    func administrator(forKey credential: String) async throws -> Administrator? {
        guard ["admin", "reader", "rival-admin"].contains(credential) else { return nil }
        let mayChange = credential != "reader"
        return Administrator(
            tenant: credential == "rival-admin" ? .random() : tenant, tenantName: "acme", id: "a-\(credential)",
            name: credential, groups: ["site": group],
            mayReadRequests: true, mayChangeRequests: mayChange, mayDrainConnectors: mayChange)
    }
}

extension TestClientProtocol {
    /// Sends a request as the caller of the site's key.
    func send(
        _ uri: String, _ method: HTTPRequest.Method = .get, headers: HTTPFields = [:], body: String? = nil,
        key: String? = "site-key"
    ) async throws -> TestResponse {
        var headers = headers
        if let key { headers[.authorization] = "Bearer \(key)" }
        return try await execute(uri: uri, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) })
        {
            $0
        }
    }

    /// Posts a JSON call.
    func call(_ json: String, group: String = "site", key: String = "site-key") async throws -> TestResponse {
        try await send(
            "/v1/groups/\(group)/requests", .post, headers: [.contentType: "application/json"], body: json, key: key)
    }
}

extension TestResponse {
    /// The problem that the answer holds.
    func problem() throws -> ProblemDetails {
        try JSONDecoder().decode(ProblemDetails.self, from: Data(body.readableBytesView))
    }

    /// The body as a value of the API.
    func answer<Answer: Decodable>(_ type: Answer.Type = Answer.self) throws -> Answer {
        try JSONDecoder().decode(Answer.self, from: Data(body.readableBytesView))
    }

    /// The body as text.
    var text: String { String(buffer: body) }

    /// The one value of a field.
    func field(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }
}
