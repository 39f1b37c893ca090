import BrokerCore
import Connector
import ConnectorServices
import Dispatcher
import Logging
import RelayDelivery
import RelayFormat
import RelayKeys
import RelaySealing
import SealedRelay
import Testing

/// A tenant's dispatcher and its connectors around one in-memory broker, or on another one.
struct RelayHarness {
    let broker: InMemoryBroker
    /// Where the dispatchers are: the in-memory broker, unless the harness stands on another.
    let dispatcherBroker: any Broker
    let dispatcher: DispatchService
    let tenant: TenantID
    let authority: TestKeyAuthority
    let group: GroupID
    let logger: Logger

    init(
        limits: BoardLimits = BoardLimits(), tenant: TenantID = .random(), group: GroupID = .random(),
        on other: (any Broker)? = nil, beat: Duration = .seconds(1), settling: Duration = .seconds(20)
    ) {
        var logger = Logger(label: "relay-tests")
        logger.logLevel = .error
        self.logger = logger
        broker = InMemoryBroker(limits: limits)
        dispatcherBroker = other ?? broker
        self.tenant = tenant
        self.group = group
        let authority = TestKeyAuthority(tenant: tenant)
        self.authority = authority
        dispatcher = DispatchService(
            instance: .random(), broker: dispatcherBroker,
            keys: { [logger] in authority.tenantKeys(for: $0, logger: logger) },
            configuration: .init(timing: .init(beat: beat, settling: settling), version: "test"),
            logger: logger)
    }

    func session(
        _ name: String, service: any ConnectorService, member: MemberID = .random(), bootNumber: UInt64 = 1,
        inFlight: Int = 64, through other: (any Broker)? = nil, beat: Duration = .milliseconds(250)
    ) -> ConnectorSession {
        let identity = ConnectorIdentity(
            tenant: tenant, tenantName: "acme", member: member, name: name, boot: .random(), bootNumber: bootNumber,
            groups: [group: "site"])
        // A connector that starts again comes with new keys, as after a renewal.
        guard let keys = try? authority.newKeys(), (try? authority.join(member, keys, [group])) != nil else {
            preconditionFailure("the authority of a test cuts epochs")
        }
        let keeper = authority.keeper(for: identity.party, keys, logger: logger)
        return ConnectorSession(
            identity: identity, broker: other ?? broker, sealing: keeper.keyring, epochs: keeper,
            services: ServiceCatalog(["echo": service]),
            configuration: .init(inFlight: inFlight, beat: beat, version: "test"), clock: .system,
            logger: logger)
    }

    func call(
        _ target: String, class requestClass: RequestClass = .safe, service: String = "echo",
        within deadline: Duration = .seconds(30), by caller: DispatchService? = nil
    ) async -> CallResult {
        let content = HTTPRequestContent(method: "GET", target: target, headers: [], body: Array(target.utf8)[...])
        return await (caller ?? dispatcher).tenant(tenant, named: "acme").call(
            RelayedCall(
                group: group, service: service, requestClass: requestClass,
                deadline: RelayClock.system.now + deadline, operation: .http(content)))
    }

    /// A further dispatcher, or the next process of one, as a member of its own.
    func another(
        _ instance: MemberID = .random(), ledger: (any DispatchLedger)? = nil
    ) -> DispatchService {
        DispatchService(
            instance: instance, broker: dispatcherBroker,
            keys: { [logger, authority] in authority.tenantKeys(for: $0, logger: logger) }, ledger: ledger,
            configuration: .init(timing: .init(beat: .seconds(1), settling: .seconds(3)), version: "test"),
            logger: logger)
    }

    /// Runs the dispatcher and the broker for as long as `body` takes.
    func run(_ body: (RelayHarness) async throws -> Void) async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { try await dispatcher.run() }
            group.addTask { try await broker.run() }
            try await body(self)
            group.cancelAll()
            await broker.close()
            while let result = await group.nextResult() {
                if case .failure(let error) = result, !(error is CancellationError) { throw error }
            }
        }
    }
}

/// Waits until a condition holds, for half a minute at most.
func waitUntil(_ what: String, _ condition: () async -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(30)
    while await !condition() {
        try #require(ContinuousClock.now < end, "waited in vain until \(what)")
        try await Task.sleep(for: .milliseconds(5))
    }
}

extension CallResult {
    var body: String? {
        guard case .http(let content) = outcome else { return nil }
        return String(decoding: content.body, as: UTF8.self)
    }

    var failure: RequestFailure.Code? {
        guard case .failed(let failure) = outcome else { return nil }
        return failure.code
    }
}
