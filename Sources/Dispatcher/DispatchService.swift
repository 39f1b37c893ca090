public import BrokerCore
public import Logging
public import RelayDelivery
public import RelayFormat
public import RelayKeys
internal import RelaySealing
public import ServiceLifecycle
internal import Synchronization

/// The dispatchers of all tenants of an installation, each begun when its tenant is first seen.
public final class DispatchService: Service {
    private let instance: MemberID
    private let boot: BootID
    private let broker: any Broker
    private let keys: @Sendable (Party) -> TenantKeys
    private let ledger: (any DispatchLedger)?
    private let configuration: DispatcherConfiguration
    private let clock: RelayClock
    private let logger: Logger
    private let tenants = Mutex<[TenantID: TenantDispatcher]>([:])
    private let beginnings = Mailbox<TenantDispatcher>()

    /// Makes a dispatcher that has not begun.
    ///
    /// - Parameters:
    ///   - instance: the stable id of this dispatcher.
    ///   - broker: the queue that it shares with the connectors.
    ///   - keys: what all passes that it says and hears as the given party.
    ///   - ledger: where durable requests are kept; nil for a dispatcher that takes calls only.
    public init(
        instance: MemberID, boot: BootID = .random(), broker: any Broker,
        keys: @escaping @Sendable (Party) -> TenantKeys, ledger: (any DispatchLedger)? = nil,
        configuration: DispatcherConfiguration, clock: RelayClock = .system, logger: Logger
    ) {
        self.instance = instance
        self.boot = boot
        self.broker = broker
        self.keys = keys
        self.ledger = ledger
        self.configuration = configuration
        self.clock = clock
        self.logger = logger
    }

    /// The bounds and times in force.
    public var settings: DispatcherConfiguration { configuration }

    /// The present on the tenant's clock.
    public var now: RelayTime { clock.now }

    /// The dispatcher of a tenant, begun if need be.
    @discardableResult
    public func tenant(_ tenant: TenantID, named name: String) -> TenantDispatcher {
        let (dispatcher, isNew) = tenants.withLock { tenants -> (TenantDispatcher, Bool) in
            if let known = tenants[tenant] { return (known, false) }
            let party = Party(tenant: tenant, member: instance, boot: boot, role: .dispatcher)
            let new = TenantDispatcher(
                party: party, tenantName: name, broker: broker, keys: keys(party), ledger: ledger,
                configuration: configuration, clock: clock, logger: logger)
            tenants[tenant] = new
            return (new, true)
        }
        if isNew { beginnings.put(CollectionOfOne(dispatcher)) }
        return dispatcher
    }

    /// Runs the dispatchers of all tenants until it is told to shut down.
    public func run() async throws {
        // Without a ledger that counts starts, the time of the start orders them.
        let number = try await ledger?.countBoot() ?? clock.now.milliseconds
        try await cancelWhenGracefulShutdown {
            try await withThrowingDiscardingTaskGroup { group in
                while let begun = await self.beginnings.take() {
                    for dispatcher in begun { group.addTask { try await dispatcher.run(bootNumber: number) } }
                }
                group.cancelAll()
            }
        }
    }
}
