import BrokerCore
import ConnectorServices
import Crypto
import Logging
import RelayDelivery
import RelayFormat
import RelayKeys
import RelaySealing
import SealedRelay
import Synchronization

@testable import Connector

/// A connector of a site, with all that belongs to it.
final class EvilConnector: Sendable {
    let identity: ConnectorIdentity
    let keys: MemberKeys
    /// Where renewed keys of its own are put.
    let shelf: MemberKeyShelf
    let keeper: EpochKeeper
    let service: WitnessService
    let session: ConnectorSession
    private let task = Mutex<Task<Void, Never>?>(nil)
    private let hasEnded = Atomic(false)

    init(
        identity: ConnectorIdentity, keys: MemberKeys, shelf: MemberKeyShelf, keeper: EpochKeeper,
        service: WitnessService, journal: (any ExecutionJournal)?, site: EvilSite, logger: Logger
    ) {
        (self.identity, self.keys, self.shelf) = (identity, keys, shelf)
        (self.keeper, self.service) = (keeper, service)
        session = ConnectorSession(
            identity: identity, broker: site.broker, sealing: keeper.keyring, epochs: keeper,
            services: ServiceCatalog(["witness": service]),
            configuration: .init(inFlight: 256, beat: .milliseconds(250), version: "test"), clock: site.clock.clock,
            journal: journal, logger: logger)
    }

    var inbox: Place { .inbox(InboxPlace(tenant: identity.tenant, boot: identity.boot)) }
    var refusals: RefusalTally { session.refusals }

    /// Whether it holds no record of a queue.
    var isIdle: Bool { session.state.withLock { $0.table.carriers.isEmpty } }

    func start() {
        // Owned by the site, which kills it at the end.
        task.withLock { task in
            task = Task {
                try? await self.session.run()
                self.hasEnded.store(true, ordering: .releasing)
            }
        }
    }

    /// Whether it has ended by itself.
    var isOver: Bool { hasEnded.load(ordering: .acquiring) }

    /// Ends it at once, as the end of its process would.
    func kill() async {
        let running = task.withLock { task in
            defer { task = nil }
            return task
        }
        running?.cancel()
        await running?.value
    }

    /// The present epoch of a group, opened with its own keys: what a member that means harm has at hand.
    func epoch(of group: GroupID, by authority: TestKeyAuthority) throws -> Epoch? {
        guard let manifest = try authority.manifest(of: group) else { return nil }
        return try Epoch(
            opening: manifest, as: identity.member, with: keys.hpke, keyAuthority: authority.publicKey)
    }
}
