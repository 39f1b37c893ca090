public import BrokerCore
public import ConnectorServices
public import Logging
internal import Metrics
public import RelayDelivery
internal import RelayFormat
public import ServiceLifecycle
internal import Synchronization

/// The connector at work: takes requests from its groups' queues and its inbox, runs them, and answers.
///
/// Knows `Broker` only. The decisions are `ExecutionTable`'s; this type moves records between it, the broker and the
/// services.
public final class ConnectorSession: Service {
    /// The bounds and times of a session.
    public struct Configuration: Sendable {
        /// The most requests at a time, over all groups.
        public var inFlight: Int
        /// The time between two beats.
        public var beat: Duration
        /// The time between two proofs of a round trip.
        public var proof: Duration
        /// How long running requests may take after the session was told to stop.
        public var drain: Duration
        /// The program's version.
        public var version: String
        /// Whether the session only wants to be seen, and takes no work.
        public var isObserver: Bool

        /// Describes a session.
        public init(
            inFlight: Int = 256, beat: Duration = .seconds(1), proof: Duration = .seconds(5),
            drain: Duration = .seconds(10), version: String, isObserver: Bool = false
        ) {
            self.inFlight = inFlight
            self.beat = beat
            self.proof = proof
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

    struct State: ~Copyable {
        var table: ExecutionTable<Carrier>
        var finished: UInt64 = 0
        var dispatchers: [BootID: ContinuousClock.Instant] = [:]
        var pings: [RequestID: CheckedContinuation<Bool, Never>] = [:]
        var lastRoundTrip: (took: Duration, at: ContinuousClock.Instant, dispatcher: BootID)?
        var subscriptions: [GroupID: any GroupSubscription] = [:]
        var standing = ConnectorStanding(.ready) {
            didSet { if standing != oldValue { standingSince = .now } }
        }
        var standingSince = ContinuousClock.now
        var isEndingByDrain = false
        var observer: (@Sendable () -> Void)?
    }

    let identity: ConnectorIdentity
    let services: ServiceCatalog
    let configuration: Configuration
    let clock: RelayClock
    let correspondent: Correspondent
    let outbox: Outbox
    let logger: Logger
    let state: Mutex<State>
    /// Closed when the broker has closed the inbox, which ends the session.
    private let ended = Mailbox<Never>()
    /// Closed when all that was put into the outbox has been sent.
    private let emptied = Mailbox<Never>()
    let started = ContinuousClock.now
    let broker: any Broker
    let counters: ConnectorMetrics

    /// Makes a session that has not begun.
    ///
    /// - Parameter journal: what it keeps over its own restarts; nil for an observer, and where nothing is kept.
    public init(
        identity: ConnectorIdentity, broker: any Broker, services: ServiceCatalog, configuration: Configuration,
        clock: RelayClock, journal: (any ExecutionJournal)? = nil, logger: Logger
    ) {
        self.identity = identity
        self.broker = broker
        self.services = services
        self.configuration = configuration
        self.clock = clock
        var logger = logger
        logger[metadataKey: "tenant"] = "\(identity.tenantName)"
        logger[metadataKey: "connector"] = "\(identity.name)"
        self.logger = logger
        correspondent = Correspondent(tenant: identity.tenant, member: identity.member, boot: identity.boot)
        outbox = Outbox(broker: broker, logger: logger)
        counters = ConnectorMetrics(connector: identity.name)
        state = Mutex(State(table: ExecutionTable(limits: .init(requests: configuration.inFlight))))
    }

    /// Works until the broker is closed, the task is cancelled, or it is told to shut down and has finished what runs.
    ///
    /// - Throws: what the broker throws on opening: an error that is fatal for this identity.
    public func run() async throws {
        let inbox = try await broker.openInbox(InboxPlace(tenant: identity.tenant, boot: identity.boot))
        var subscriptions: [GroupID: any GroupSubscription] = [:]
        if !configuration.isObserver {
            for group in identity.groups.keys {
                subscriptions[group] = try await broker.subscribe(
                    to: GroupPlace(tenant: identity.tenant, group: group), as: identity.boot,
                    credit: configuration.inFlight)
            }
        }
        state.withLock { $0.subscriptions = subscriptions }
        logger.info("Connector is at work", metadata: ["services": "\(services.names)"])
        await withDiscardingTaskGroup { group in
            group.addTask {
                await self.outbox.run()
                self.emptied.close()
            }
            group.addTask {
                await self.receive(from: inbox)
                self.ended.close()
            }
            for (name, subscription) in subscriptions {
                group.addTask { await self.receive(from: subscription, group: name) }
            }
            group.addTask { await self.keepTime() }
            _ = await cancelWhenGracefulShutdown { await self.ended.take() }
            await self.drain()
            group.cancelAll()
        }
        await inbox.close()
        logger.info("Connector has stopped")
    }

    /// Finishes what runs, leaves the groups, and sees that all has been said before the inbox closes.
    private func drain() async {
        let subscriptions = state.withLock { state in
            state.table.isDraining = true
            return state.subscriptions
        }
        beat()
        await wait(atMost: configuration.drain) { self.ended.isClosed || self.state.withLock { $0.table.count } == 0 }
        // What comes until now is given back by RETURN; what comes later was never settled, and goes to others.
        for subscription in subscriptions.values { await subscription.close() }
        outbox.close()
        await wait(atMost: .seconds(1)) { self.ended.isClosed || self.emptied.isClosed }
    }

    private func wait(atMost limit: Duration, until condition: () -> Bool) async {
        let end = ContinuousClock.now + limit
        while ContinuousClock.now < end, !Task.isCancelled, !condition() {
            try? await Task.sleep(for: .milliseconds(5))
        }
    }
}
