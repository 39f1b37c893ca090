import BrokerCore
import Connector
import Dispatcher
import Foundation
import Logging
import RelayDelivery
import RelayFormat
import RelayKeys
import RelaySealing
import SealedRelay
import Synchronization
import Testing

/// Tenants, their dispatchers and their connectors around a broker that is not to be trusted.
final class EvilSite: Sendable {
    let broker: EvilBroker
    let clock: TurnedClock
    let log = LogCapture()
    /// Where the broker's files are.
    let folder: String
    let dispatch: DispatchService
    private let authorities: Authorities
    private let connectors = Mutex<[EvilConnector]>([])

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

    private init(_ kind: BrokerKind) async throws {
        let clock = TurnedClock()
        let logger = log.logger()
        folder = NSTemporaryDirectory() + "postern-evil-" + BootID.random().description
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let broker = EvilBroker(over: try await kind.open(in: folder, clock: clock.clock, logger: logger))
        let authorities = Authorities()
        dispatch = DispatchService(
            instance: .random(), broker: broker, keys: { authorities.keys(for: $0, logger) },
            configuration: .init(timing: .init(beat: .seconds(1), settling: .seconds(20)), version: "test"),
            clock: clock.clock, logger: logger)
        (self.clock, self.broker, self.authorities) = (clock, broker, authorities)
    }

    /// Runs a site for as long as `body` takes.
    static func run(_ kind: BrokerKind, _ body: (EvilSite) async throws -> Void) async throws {
        let site = try await EvilSite(kind)
        defer { try? FileManager.default.removeItem(atPath: site.folder) }
        try await withThrowingTaskGroup { group in
            group.addTask { try await site.dispatch.run() }
            group.addTask { try await site.broker.inner.run() }
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await body(site)) } catch { outcome = .failure(error) }
            for connector in site.connectors.withLock({ $0 }) { await connector.kill() }
            group.cancelAll()
            await site.broker.close()
            while let result = await group.nextResult() {
                if case .failure(let error) = result, !(error is CancellationError) { throw error }
            }
            try outcome.get()
        }
    }

    /// A tenant with two groups, whose dispatcher is at work.
    func tenant(_ name: String) -> EvilTenant {
        let authority = TestKeyAuthority(tenant: .random(), clock: clock.clock)
        authorities.add(authority)
        let dispatcher = dispatch.tenant(authority.tenant, named: name)
        guard let keeper = authorities.keeper(of: authority.tenant) else {
            preconditionFailure("a dispatcher asks for its keys at once")
        }
        return EvilTenant(
            site: self, id: authority.tenant, name: name, authority: authority, dispatcher: dispatcher, keeper: keeper,
            group: .random(), otherGroup: .random())
    }

    func add(_ connector: EvilConnector) { connectors.withLock { $0.append(connector) } }

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
