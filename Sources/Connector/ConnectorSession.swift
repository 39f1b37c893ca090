public import BrokerCore
public import ConnectorServices
public import Logging
internal import Metrics
public import RelayDelivery
internal import RelayFormat
public import RelayKeys
public import ServiceLifecycle
internal import Synchronization

/// The connector at work: takes requests from its groups' queues and its inbox, runs them, and answers.
///
/// Knows `Broker` only. The decisions are `ExecutionTable`'s; this type moves records between it, the broker, the
/// journal and the services.
public final class ConnectorSession: Service {
    /// The bounds and times of a session.
    public struct Configuration: Sendable {
        /// The most requests at a time, over all groups.
        public var inFlight: Int
        /// The time between two beats.
        public var beat: Duration
        /// The time between two proofs of a round trip.
        public var proof: Duration
        /// For how long a request that may run twice runs at least before ACCEPTED is said of it.
        ///
        /// It is twice as long at the most. A receipt makes the word needless, which takes five milliseconds and its way.
        public var announcement: Duration
        /// How long running requests may take after the session was told to stop.
        public var drain: Duration
        /// The program's version.
        public var version: String
        /// Whether the session only wants to be seen, and takes no work.
        public var isObserver: Bool

        /// Describes a session.
        public init(
            inFlight: Int = 256, beat: Duration = .seconds(1), proof: Duration = .seconds(5),
            announcement: Duration = .milliseconds(10), drain: Duration = .seconds(10), version: String,
            isObserver: Bool = false
        ) {
            self.inFlight = inFlight
            self.beat = beat
            self.proof = proof
            self.announcement = announcement
            self.drain = drain
            self.version = version
            self.isObserver = isObserver
        }
    }

    /// The record that brought a dispatch through a group's queue.
    struct Carrier: Sendable, Hashable {
        var group: GroupID
        var token: DeliveryToken
    }

    typealias Table = ExecutionTable<Carrier>

    /// What a dispatch asks of which service.
    struct Work: Sendable {
        var message: RequestMessage
        var service: any ConnectorService
        /// Whether the service's gate has let it in, and waits for it to leave.
        var hasEntered: Bool

        func leave() {
            if hasEntered { service.gate?.leave() }
        }
    }

    /// What the loop of `run` is told to do.
    enum Order: Sendable {
        case leaveGroups
        case joinGroups
        case end
    }

    struct State: ~Copyable {
        var table: Table
        var finished: UInt64 = 0
        /// What is asked by dispatches that have not started.
        var work: [RequestID: Work] = [:]
        /// The handlers; each takes itself out when it is done.
        var handlers: [RequestID: Task<Void, Never>] = [:]
        var dispatchers = KnownDispatchers()
        var pings: [RequestID: CheckedContinuation<Bool, Never>] = [:]
        var lastRoundTrip: (took: Duration, at: ContinuousClock.Instant, dispatcher: BootID)?
        var subscriptions: [GroupID: any GroupSubscription] = [:]
        var standing: ConnectorStanding {
            didSet { if standing != oldValue { standingSince = .now } }
        }
        var standingSince = ContinuousClock.now
        /// Told of each pause and its end.
        var observer: (@Sendable () -> Void)?
        /// Told of what may be put on record.
        var recorder: (@Sendable (ConnectorEvent) -> Void)?
        var ending: Ending?
        /// Why the groups cannot be joined.
        var failure: (any Error)?
        /// When what still runs is given up; nil until the session has to end.
        var endsBy: ContinuousClock.Instant?
        /// Whether the handlers are torn down: what they say then says nothing of their requests.
        var isAbandoning = false
        var wake = WakeWatch(at: .now)

        /// Where the answers to a dispatch go: to the newest process of its dispatcher.
        func address(of dispatch: Table.Dispatch) -> BootID {
            dispatchers.boot(of: dispatch.dispatcher) ?? dispatch.origin
        }
    }

    let identity: ConnectorIdentity
    let services: ServiceCatalog
    let configuration: Configuration
    let clock: RelayClock
    let journal: (any ExecutionJournal)?
    let sealing: any MessageSealing
    let epochs: EpochKeeper?
    let opener: MessageOpener
    let refusals: RefusalTally
    let outbox: Outbox
    let logger: Logger
    let state: Mutex<State>
    /// Told when something was started without a word to its dispatcher.
    let announcements = Mailbox<Void>(capacity: 1)
    /// Closed when the broker has closed the inbox, which ends the session.
    let orders = Mailbox<Order>()
    /// Closed when all that was put into the outbox has been sent.
    let emptied = Mailbox<Never>()
    let started = ContinuousClock.now
    let broker: any Broker
    let counters: ConnectorMetrics

    /// Makes a session that has not begun.
    ///
    /// - Parameters:
    ///   - sealing: what all passes that it says and hears.
    ///   - epochs: what keeps the epochs fresh by which is sealed; nil where nothing has to be.
    ///   - journal: what it keeps over its own restarts; nil for an observer, and where nothing is kept.
    public init(
        identity: ConnectorIdentity, broker: any Broker, sealing: any MessageSealing, epochs: EpochKeeper? = nil,
        services: ServiceCatalog, configuration: Configuration, clock: RelayClock,
        journal: (any ExecutionJournal)? = nil, logger: Logger
    ) {
        self.identity = identity
        self.broker = broker
        self.services = services
        self.configuration = configuration
        self.clock = clock
        self.journal = journal
        var logger = logger
        logger[metadataKey: "tenant"] = "\(identity.tenantName)"
        logger[metadataKey: "connector"] = "\(identity.name)"
        self.logger = logger
        self.sealing = sealing
        self.epochs = epochs
        opener = MessageOpener(sealing: sealing, epochs: epochs, isGreeted: false, clock: clock)
        refusals = RefusalTally(
            label: "postern_connector_records_refused_total", dimensions: [("connector", identity.name)])
        outbox = Outbox(broker: broker, sealing: sealing, clock: clock, logger: logger)
        counters = ConnectorMetrics(connector: identity.name)
        state = Mutex(
            State(
                table: Table(limits: .init(requests: configuration.inFlight), hasJournal: journal != nil),
                standing: ConnectorStanding(configuration.isObserver ? .observing : .ready)))
    }

    /// Works until the broker is closed, the task is cancelled, or it is told to end and has finished what runs.
    ///
    /// - Throws: what the broker throws on opening, an error that is fatal for this identity; what the journal throws;
    ///   `ConnectorSessionError` when another process has taken this one's place.
    public func run() async throws {
        try await restore()
        guard let inbox = try await cancelWhenGracefulShutdown({ try await self.openInbox() }) else { return }
        await awaitEpochs(within: .seconds(5))
        // A pause may have outlived the process before this one. What comes to the inbox need not wait for a share of the
        // groups, which a cluster gives only when it has noticed that the process before this one is gone.
        if standing.readiness == .ready { orders.put([.joinGroups]) }
        state.withLock { $0.wake = WakeWatch(at: .now) }
        logger.info("Connector is at work", metadata: ["services": "\(services.names)"])
        await withDiscardingTaskGroup { group in
            group.addTask {
                await self.outbox.run()
                self.emptied.close()
            }
            group.addTask {
                await self.receive(from: inbox)
                self.orders.close()
            }
            group.addTask { await self.keepTime() }
            if let epochs {
                let groups = Array(identity.groups.keys)
                group.addTask { await epochs.keep { groups } }
                group.addTask { await self.joinLateGroups() }
            }
            group.addTask { await self.announce() }
            await follow(in: &group)
            await end()
            group.cancelAll()
        }
        await abandonHandlers()
        await inbox.close()
        logger.info("Connector has stopped")
        if case .replaced(let note) = state.withLock({ $0.ending }) { throw ConnectorSessionError(.replaced, note) }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    /// Opens something at the broker; nil when the process was told to end before that was done.
    private func open<Opened: Sendable>(_ body: @escaping @Sendable () async throws -> Opened) async throws -> Opened? {
        do {
            return try await cancelWhenGracefulShutdown { try await body() }
        } catch {
            if Task.isShuttingDownGracefully { return nil }
            throw error
        }
    }

    /// Does what it is told until it has to end.
    private func follow(in group: inout DiscardingTaskGroup) async {
        while let orders = await cancelWhenGracefulShutdown({ await self.orders.take() }) {
            for order in orders {
                switch order {
                case .end: return
                case .leaveGroups: await leaveGroups()
                case .joinGroups:
                    guard state.withLock({ $0.standing.readiness == .ready }) else { continue }
                    do {
                        guard let joined = try await open({ try await self.joinGroups() }) else { return }
                        receive(from: joined, in: &group)
                    } catch {
                        logger.error("Groups cannot be joined", metadata: ["reason": "\(error)"])
                        state.withLock { $0.failure = error }
                        return
                    }
                }
            }
        }
    }

    private func receive(from subscriptions: [GroupID: any GroupSubscription], in group: inout DiscardingTaskGroup) {
        for (name, subscription) in subscriptions {
            group.addTask { await self.receive(from: subscription, group: name) }
        }
    }

    private func restore() async throws {
        guard let journal, !configuration.isObserver else { return }
        let records = try await journal.unconfirmed(at: clock.now)
        guard !records.isEmpty else { return }
        logger.notice("Answers of an earlier start are still to be delivered", metadata: ["count": "\(records.count)"])
        state.withLock { $0.table.restore(records, at: clock.now) }
    }

    /// Leaves the groups: their records go to others at once, which ask the dispatcher before they start any.
    func leaveGroups() async {
        let subscriptions = state.withLock { state in
            state.table.drop { _ in true }
            defer { state.subscriptions = [:] }
            return state.subscriptions
        }
        for subscription in subscriptions.values { await subscription.close() }
    }
}
