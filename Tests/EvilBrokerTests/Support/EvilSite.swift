import BrokerCore
import Connector
import Foundation
import Logging
import RelayDelivery
import RelayFormat
import RelayKeys
import RelaySealing
import RequestLedger
import SealedRelay
import Synchronization
import Testing

@testable import Dispatcher

/// Tenants, their dispatchers and their connectors around a broker that is not to be trusted.
final class EvilSite: Sendable {
    /// What a test wants otherwise.
    struct Options: Sendable {
        /// Whether the dispatcher has a ledger and connectors may have a journal, which outlive them.
        var keepsLedger = false
        /// How long a dispatch may stay without a word.
        var acceptance = Duration.seconds(1)
        /// Whether all that is logged is kept; tests that last do without.
        var keepsLog = true
    }

    /// A process of the dispatcher.
    private struct Process {
        let service: DispatchService
        let task: Task<Void, any Error>
    }

    let broker: EvilBroker
    let clock: TurnedClock
    let suite: SealingSuite
    let log = LogCapture()
    let logger: Logger
    /// Where the broker's files are.
    let folder: String
    private let ledger: SubmissionLedger?
    private let options: Options
    private let instance = MemberID.random()
    private let process: Mutex<Process?>
    private let authorities = Authorities()
    private let connectors = Mutex<[EvilConnector]>([])
    private let journals = Mutex<[ResultJournal]>([])

    /// The Key Authorities of the tenants, and the keyrings of their dispatchers.
    private final class Authorities: Sendable {
        private let state = Mutex<(known: [TenantID: TestKeyAuthority], keepers: [TenantID: EpochKeeper])>(([:], [:]))

        func add(_ authority: TestKeyAuthority) { state.withLock { $0.known[authority.tenant] = authority } }

        func keeper(of tenant: TenantID) -> EpochKeeper? { state.withLock { $0.keepers[tenant] } }

        func keys(for party: Party, _ logger: Logger) -> TenantKeys {
            guard let authority = state.withLock({ $0.known[party.tenant] }) else {
                preconditionFailure("a tenant of a test has an authority")
            }
            let keys = authority.tenantKeys(for: party, logger: logger)
            state.withLock { $0.keepers[party.tenant] = keys.epochs }
            return keys
        }
    }

    private init(_ evil: EvilCase, _ options: Options) async throws {
        let clock = TurnedClock()
        (self.clock, self.options, suite) = (clock, options, evil.suite)
        logger = options.keepsLog ? log.logger() : Logger(label: "evil-broker") { _ in SwiftLogNoOpLogHandler() }
        folder = NSTemporaryDirectory() + "postern-evil-" + BootID.random().description
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        broker = EvilBroker(over: try await evil.broker.open(in: folder, clock: clock.clock, logger: logger))
        if options.keepsLedger {
            try FileManager.default.createDirectory(atPath: folder + "-tenant", withIntermediateDirectories: true)
            ledger = try await SubmissionLedger.open(path: folder + "-tenant/ledger.sqlite", logger: logger)
        } else {
            ledger = nil
        }
        process = Mutex(nil)
        beginDispatcher()
    }

    /// Runs a site for as long as `body` takes.
    static func run(
        _ evil: EvilCase, _ options: Options = Options(), _ body: (EvilSite) async throws -> Void
    ) async throws {
        let site = try await EvilSite(evil, options)
        defer {
            for suffix in ["", "-tenant"] { try? FileManager.default.removeItem(atPath: site.folder + suffix) }
        }
        try await withThrowingTaskGroup { group in
            group.addTask { try await site.broker.inner.run() }
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await body(site)) } catch { outcome = .failure(error) }
            for connector in site.connectors.withLock({ $0 }) { await connector.kill() }
            try await site.endDispatcher()
            group.cancelAll()
            await site.broker.close()
            await site.ledger?.close()
            for journal in site.journals.withLock({ $0 }) { await journal.close() }
            while let result = await group.nextResult() {
                if case .failure(let error) = result, !(error is CancellationError) { throw error }
            }
            try outcome.get()
        }
    }

    // MARK: The dispatcher

    private func beginDispatcher() {
        let service = DispatchService(
            instance: instance, broker: broker, keys: { [authorities, logger] in authorities.keys(for: $0, logger) },
            ledger: ledger,
            configuration: .init(
                limits: .init(acceptance: options.acceptance),
                timing: .init(beat: .seconds(1), settling: options.keepsLedger ? .seconds(1) : .seconds(20)),
                version: "test"), clock: clock.clock, logger: logger)
        // Owned by the site, which ends it before it goes.
        let task = Task { try await service.run() }
        process.withLock { $0 = Process(service: service, task: task) }
    }

    private func endDispatcher() async throws {
        let running = process.withLock { process in
            defer { process = nil }
            return process
        }
        running?.task.cancel()
        do { try await running?.task.value } catch is CancellationError {}
    }

    private func dispatcher(_ authority: TestKeyAuthority, _ name: String) -> (TenantDispatcher, EpochKeeper) {
        guard let dispatcher = process.withLock({ $0?.service.tenant(authority.tenant, named: name) }),
            let keeper = authorities.keeper(of: authority.tenant)
        else { preconditionFailure("a dispatcher runs, and asks for its keys at once") }
        return (dispatcher, keeper)
    }

    /// A tenant with two groups, whose dispatcher is at work.
    func tenant(_ name: String) -> EvilTenant {
        let authority = TestKeyAuthority(tenant: .random(), suite: suite, clock: clock.clock)
        authorities.add(authority)
        let (dispatcher, keeper) = dispatcher(authority, name)
        return EvilTenant(
            site: self, id: authority.tenant, name: name, authority: authority, dispatcher: dispatcher, keeper: keeper,
            group: .random(), otherGroup: .random())
    }

    /// Ends the dispatcher's process at once, and starts another one with the same keys and ledger.
    ///
    /// - Returns: the tenant with its new dispatcher.
    func restartDispatcher(of tenant: EvilTenant) async throws -> EvilTenant {
        try await endDispatcher()
        beginDispatcher()
        let (dispatcher, keeper) = dispatcher(tenant.authority, tenant.name)
        // From its first beat on it can be told something.
        try await waitUntil("the dispatcher is back") {
            broker.stored(.beat).contains { $0.header?.boot == dispatcher.party.boot }
        }
        return EvilTenant(
            site: self, id: tenant.id, name: tenant.name, authority: tenant.authority, dispatcher: dispatcher,
            keeper: keeper, group: tenant.group, otherGroup: tenant.otherGroup)
    }

    // MARK: Connectors and clocks

    /// The journal of a connector, which is closed at the end.
    func journal() async throws -> ResultJournal {
        let path = folder + "-tenant/journal-\(BootID.random()).sqlite"
        let journal = try await ResultJournal.open(path: path, clock: { self.clock.clock.now }, logger: logger)
        journals.withLock { $0.append(journal) }
        return journal
    }

    func add(_ connector: EvilConnector) { connectors.withLock { $0.append(connector) } }

    /// Waits until no record is in a group's queue: what was not settled would be brought to the next connector.
    func waitUntilSettled() async throws {
        try await waitUntil("all records are settled") { broker.inner.queue.counters.records == 0 }
    }

    /// Puts all clocks forward, and lets go what is over by then.
    func turnClocks(by span: Duration) {
        clock.turn(by: span)
        let keyrings = connectors.withLock { $0.map(\.keeper.keyring) } + tenantKeyrings
        for keyring in keyrings { keyring.tidy(at: clock.clock.now) }
    }

    private var tenantKeyrings: [Keyring] {
        Set(connectors.withLock { $0.map(\.identity.tenant) }).compactMap { authorities.keeper(of: $0)?.keyring }
    }
}

/// Waits until a condition holds, for half a minute at most.
func waitUntil(_ what: String, _ condition: () async -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(30)
    while await !condition() {
        try #require(ContinuousClock.now < end, "waited in vain until \(what)")
        try await Task.sleep(for: .milliseconds(2))
    }
}
