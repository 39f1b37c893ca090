import BrokerCore
import Connector
import ConnectorServices
@testable import Dispatcher
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import PlainRelay
import RelayDelivery
import RelayFormat
import RelayKeys
import RequestLedger
import Synchronization
import TenantPort

/// Several dispatchers on one in-memory broker, each with a ledger and a port of its own, and one connector.
final class InstancesHarness: Sendable {
    let service: RecordingService
    let register: TestRegister
    let network: TestNetwork
    let tenant = TenantID.random()
    private let group = GroupID.random()
    private let names: [String]
    private let folder: String

    /// - Parameter before: which of the names are in the register from long ago; the others come when a test says so.
    init(
        _ names: [String], before: [String]? = nil,
        answer: @escaping RecordingService.Answer = { .http(.init(status: 200, headers: [], body: $0.body)) }
    ) {
        self.names = names
        service = RecordingService(answer)
        register = TestRegister()
        network = TestNetwork()
        folder = NSTemporaryDirectory() + "postern-instances-" + BootID.random().description
        let old = RelayClock.system.now + .seconds(-3600)
        for name in names { register.prepare(name, at: old, isIn: before?.contains(name) ?? true) }
    }

    /// Runs all for as long as `body` takes, which gets the ports by the instances' names.
    func run(
        _ body: @escaping @Sendable ([String: any TestClientProtocol]) async throws -> Void
    ) async throws {
        var logger = Logger(label: "instances-tests")
        logger.logLevel = .critical
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let broker = InMemoryBroker()
        var applications: [(String, any ApplicationProtocol)] = []
        var ledgers: [SubmissionLedger] = []
        var dispatchers: [DispatchService] = []
        for name in names {
            let ledger = try await SubmissionLedger.open(path: folder + "/ledger-\(name).sqlite", logger: logger)
            ledgers.append(ledger)
            let own = register.record(of: name).id
            let dispatcher = DispatchService(
                instance: own, broker: broker, keys: TenantKeys.plain, ledger: ledger,
                configuration: .init(
                    timing: .init(beat: .milliseconds(300), settling: .milliseconds(900)), version: "test"),
                logger: logger)
            dispatchers.append(dispatcher)
            let router = Router(context: PortContext.self)
            DispatcherRoutes(
                dispatcher: dispatcher, callers: TestCallers(tenant: tenant, group: group),
                administrators: TestAdministrators(tenant: tenant, group: group), deliveries: ledger,
                instances: InstanceNetwork(own: own, source: register, transport: network, logger: logger)
            ).register(on: router)
            applications.append((name, Application(router: router, logger: logger)))
        }
        let identity = ConnectorIdentity(
            tenant: tenant, tenantName: "acme", member: .random(), name: "one", boot: .random(), bootNumber: 3,
            groups: [group: "site"])
        let session = ConnectorSession(
            identity: identity, broker: broker, sealing: PlainSealing(identity.party),
            services: ServiceCatalog(["echo": service, "second": service]),
            configuration: .init(beat: .milliseconds(300), version: "1.2.3"), clock: .system, logger: logger)
        let (running, all) = (dispatchers, applications)
        try await withThrowingTaskGroup { tasks in
            for dispatcher in running { tasks.addTask { try await dispatcher.run() } }
            tasks.addTask { try await session.run() }
            try await Self.open(all[...], [:]) { clients in
                for (name, client) in clients { self.network.open(name, client) }
                try await body(clients)
            }
            tasks.cancelAll()
            await broker.close()
            while let result = await tasks.nextResult() {
                guard case .failure(let error) = result, (error as? BrokerError)?.code != .closed else { continue }
                if !(error is CancellationError) { throw error }
            }
        }
        for ledger in ledgers { await ledger.close() }
    }

    private static func open(
        _ rest: ArraySlice<(String, any ApplicationProtocol)>, _ clients: [String: any TestClientProtocol],
        _ body: @escaping @Sendable ([String: any TestClientProtocol]) async throws -> Void
    ) async throws {
        guard let (name, application) = rest.first else { return try await body(clients) }
        let others = rest.dropFirst()
        try await application.test(.router) { client in
            try await open(others, clients.merging([name: client]) { $1 }, body)
        }
    }

    /// Idempotency keys of the site's caller that are at home at an instance, of all that are named.
    func keys(at name: String, among candidates: [String], _ count: Int = 1) -> [String] {
        let map = InstanceMap(instances: candidates.map { register.record(of: $0) })
        let all = (0..<10_000).lazy.map { "key-\($0)" }.filter { [tenant] key in
            map.home(of: KeyDigest(tenant: tenant, caller: "k1", service: "echo", key: key))?.name == name
        }
        return Array(all.prefix(count))
    }
}

/// The register in memory.
final class TestRegister: InstanceSource {
    private struct State {
        var known: [String: InstanceRecord] = [:]
        var present: Set<String> = []
    }

    private let state = Mutex(State())

    func prepare(_ name: String, at moment: RelayTime, isIn: Bool) {
        state.withLock { state in
            state.known[name] = InstanceRecord(
                id: .random(), name: name, address: "https://\(name)", addedAt: moment)
            if isIn { state.present.insert(name) }
        }
    }

    /// Adds an instance now.
    func add(_ name: String) {
        state.withLock { state in
            state.known[name]?.addedAt = RelayClock.system.now
            state.present.insert(name)
        }
    }

    func retire(_ name: String) { state.withLock { $0.known[name]?.retiredAt = RelayClock.system.now } }

    func remove(_ name: String) { state.withLock { $0.known[name]?.removedAt = RelayClock.system.now } }

    func record(of name: String) -> InstanceRecord {
        guard let record = state.withLock({ $0.known[name] }) else { preconditionFailure("the test names it first") }
        return record
    }

    func instances() async throws -> [InstanceRecord] {
        state.withLock { state in state.present.compactMap { state.known[$0] }.sorted { $0.name < $1.name } }
    }
}

/// The way between instances, without wires: each may be unreachable.
final class TestNetwork: InstanceTransport {
    private struct State {
        var clients: [String: any TestClientProtocol] = [:]
        var down: Set<String> = []
        var asked: [String] = []
    }

    private let state = Mutex(State())

    /// Who was asked for what, in order: `b home`, `a known`.
    var asked: [String] { state.withLock { $0.asked } }

    func open(_ name: String, _ client: any TestClientProtocol) { state.withLock { $0.clients[name] = client } }

    func cut(_ name: String) { state.withLock { _ = $0.down.insert(name) } }

    func heal(_ name: String) { state.withLock { _ = $0.down.remove(name) } }

    func send(
        _ request: InstanceRequest, to address: String, within limit: Duration
    ) async throws(InstanceUnreachable) -> InstanceAnswer {
        let name = String(address.dropFirst("https://".count))
        let mode = HTTPField.Name("Postern-Forwarded").flatMap { request.headers[$0] } ?? "?"
        let client = state.withLock { state in
            state.asked.append("\(name) \(mode)")
            return state.down.contains(name) ? nil : state.clients[name]
        }
        guard let client else { throw InstanceUnreachable("no connection") }
        do {
            let body = request.body.isEmpty ? nil : ByteBuffer(bytes: request.body)
            return try await client.execute(
                uri: request.target, method: request.method, headers: request.headers, body: body
            ) { answer in
                InstanceAnswer(
                    status: answer.status.code, headers: answer.headers, body: Array(buffer: answer.body))
            }
        } catch {
            throw InstanceUnreachable("\(error)")
        }
    }

    func close() async {}
}
