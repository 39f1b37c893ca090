public import BrokerCore
internal import CRDKafka
internal import KafkaTopology
public import Logging
public import RelayFormat
internal import Synchronization

/// The contract of a broker, kept on Kafka by one producer and one consumer for the whole process.
///
/// Topics are made elsewhere (`KafkaAdmin`). All waiting is that of continuations; librdkafka is served by threads of its
/// own, which hand over arrays.
public final class ClusterBroker: Broker {
    private struct State: ~Copyable {
        var producer: KafkaProducer?
        var consumer: KafkaConsumer?
        /// Consumers of further groups.
        var others: [GroupPlace: KafkaConsumer] = [:]
        var subscriptions: [GroupPlace: KafkaSubscription] = [:]
        var inboxes: [InboxPlace: KafkaInbox] = [:]
        var watches: [ObjectIdentifier: KafkaPresence] = [:]
        var lastSubscription: UInt32 = 0
        var lastReplacement: ContinuousClock.Instant?
        /// Former consumers that are still members of their groups; they go when those are left.
        var former: [GroupPlace: KafkaConsumer] = [:]
        var isClosed = false
    }

    public let capabilities: BrokerCapabilities
    private let settings: Mutex<KafkaConfiguration>
    private let clock: RelayClock
    private let logger: Logger
    private let standing: ClusterStanding
    private let state = Mutex(State())

    private var configuration: KafkaConfiguration { settings.withLock { $0 } }

    /// The version of librdkafka.
    public static var libraryVersion: String { rd_kafka_version_str().map { String(cString: $0) } ?? "" }

    /// Makes a broker; it connects by itself, and again and again.
    ///
    /// - Throws: `KafkaError` of the code `configuration`.
    public init(
        configuration: KafkaConfiguration, clock: RelayClock = .system, logger: Logger
    ) throws(KafkaError) {
        if let flaw = configuration.layout.flaw { throw KafkaError(.configuration, flaw) }
        settings = Mutex(configuration)
        self.clock = clock
        self.logger = logger
        standing = ClusterStanding(clock: clock, logger: logger)
        capabilities = BrokerCapabilities(
            name: "kafka", largestPayload: configuration.limits.largestPayload, durability: .disk,
            canProvision: false, seesClosedLinks: false, keepsOrder: false)
        let producer = try makeProducer()
        let consumer = try makeConsumer(of: configuration.group)
        state.withLock { state in
            state.producer = producer
            state.consumer = consumer
        }
    }

    /// How the process stands with the cluster.
    public var standingWithCluster: KafkaState { standing.present }

    /// Calls the closure after each change of the standing.
    public func onStandingChanged(_ observer: @escaping @Sendable (KafkaState) -> Void) {
        standing.onChange(observer)
    }

    private func makeProducer() throws(KafkaError) -> KafkaProducer {
        try KafkaProducer(configuration, clock: clock, standing: standing, logger: logger) { [weak self] fallen in
            // Owned by the broker: it ends as soon as the fallen producer is gone.
            Task { await self?.replace(fallen) }
        }
    }

    private func makeConsumer(of group: GroupPlace?) throws(KafkaError) -> KafkaConsumer {
        try KafkaConsumer(configuration, group: group, standing: standing, logger: logger)
    }

    /// Takes a new producer in place of one that has come to its end; what is sent until then is refused as not stored.
    private func replace(_ fallen: KafkaProducer) async {
        // Who may not write comes to his end again at once: until he may, once a second is often enough.
        let isOften = state.withLock { state in
            defer { state.lastReplacement = .now }
            return state.lastReplacement.map { .now - $0 < .seconds(5) } ?? false
        }
        if isOften { try? await Task.sleep(for: .seconds(1)) }
        do {
            let fresh = try makeProducer()
            let isTaken = state.withLock { state in
                guard state.producer === fallen, !state.isClosed else { return false }
                state.producer = fresh
                return true
            }
            await (isTaken ? fallen : fresh).close(within: .zero)
        } catch {
            logger.error("No Kafka producer", metadata: ["reason": "\(error)"])
        }
    }

    // MARK: Broker

    public func provision(_ group: GroupPlace) async throws(BrokerError) {
        throw BrokerError(.notSupported, "topics are made by ‘postern-tenant kafka apply’")
    }

    public func send(_ records: [OutgoingRecord]) async -> [SendOutcome] {
        guard let producer = state.withLock({ $0.isClosed ? nil : $0.producer }) else {
            return records.map { _ in .failed(BrokerError(.closed, "the broker is closed")) }
        }
        return await producer.send(records)
    }

    public func subscribe(
        to group: GroupPlace, as member: BootID, credit: Int
    ) async throws(BrokerError) -> any GroupSubscription {
        await state.withLock { $0.former.removeValue(forKey: group) }?.close()
        let consumer = try consumer(for: group)
        guard let handle = consumer.handle else { throw Self.closed }
        let number = state.withLock { state in
            state.lastSubscription += 1
            return state.lastSubscription
        }
        let subscription = KafkaSubscription(
            group, number: number, in: configuration, credit: credit, handle: handle, clock: clock,
            standing: standing,
            logger: logger
        ) { [weak self] subscription in await self?.end(subscription) }
        let former = state.withLock { $0.subscriptions.updateValue(subscription, forKey: group) }
        await former?.depart(within: .seconds(5))
        do {
            try await consumer.subscribe(subscription, within: configuration.limits.openingTime)
        } catch {
            await subscription.close()
            throw error
        }
        return subscription
    }

    public func openInbox(_ place: InboxPlace) async throws(BrokerError) -> any Inbox {
        guard let consumer = state.withLock({ $0.isClosed ? nil : $0.consumer }) else { throw Self.closed }
        if let former = state.withLock({ $0.inboxes[place] }) { await end(former) }
        let inbox = KafkaInbox(
            place, layout: configuration.layout, role: configuration.role, clock: clock,
            drained: { [weak self] in self?.state.withLock { $0.consumer }?.handle?.wake() }
        ) { [weak self] inbox in await self?.end(inbox) }
        do {
            for partition in inbox.partitions { try await consumer.read(partition, for: inbox) }
        } catch {
            for partition in inbox.partitions { await consumer.stop(partition, for: inbox) }
            throw standing.noted(error)
        }
        state.withLock { $0.inboxes[place] = inbox }
        return inbox
    }

    public func watchPresence(of tenant: TenantID) async throws(BrokerError) -> any PresenceWatch {
        guard let consumer = state.withLock({ $0.isClosed ? nil : $0.consumer }) else { throw Self.closed }
        let watch = KafkaPresence(of: tenant, layout: configuration.layout, clock: clock) { [weak self] watch in
            await self?.end(watch)
        }
        do {
            try await consumer.read(watch.partition, for: watch)
        } catch {
            throw standing.noted(error)
        }
        state.withLock { $0.watches[ObjectIdentifier(watch)] = watch }
        return watch
    }

    public func close() async {
        let (inboxes, watches) = state.withLock { state in
            state.isClosed = true
            return (Array(state.inboxes.values), Array(state.watches.values))
        }
        for inbox in inboxes { await end(inbox) }
        for watch in watches { await end(watch) }
        let (subscriptions, consumers, producer) = state.withLock { state in
            let consumers = [state.consumer].compactMap { $0 } + state.others.values + state.former.values
            state.former = [:]
            let (subscriptions, producer) = (Array(state.subscriptions.values), state.producer)
            (state.consumer, state.others, state.subscriptions, state.producer) = (nil, [:], [:], nil)
            return (subscriptions, consumers, producer)
        }
        for subscription in subscriptions { await subscription.depart(within: .seconds(5)) }
        for consumer in consumers { await consumer.close() }
        await producer?.close(within: .seconds(2))
        standing.stop()
    }

    // MARK: Renewal

    /// Takes other credentials, which need other connections: a certificate, or a password.
    ///
    /// What is read by offsets moves to the new connections, no record lost, twice or out of order; what is under way
    /// ends on the old ones. The shares of groups stay where they are until the groups are subscribed to again, which is
    /// the caller's to do. Nothing is changed when the cluster does not take the credentials.
    ///
    /// - Throws: `KafkaError` where it does not.
    public func renew(_ security: KafkaSecurity) async throws(KafkaError) {
        let former = settings.withLock { settings in
            defer { settings.security = security }
            return settings.security
        }
        do throws(KafkaError) {
            try await takeUp(try makeConsumer(of: configuration.group))
        } catch {
            settings.withLock { $0.security = former }
            throw error
        }
    }

    private func takeUp(_ consumer: KafkaConsumer) async throws(KafkaError) {
        do throws(KafkaError) {
            let (inboxes, watches) = state.withLock { (Array($0.inboxes.values), Array($0.watches.values)) }
            if let first = (inboxes.flatMap(\.partitions) + watches.map(\.partition)).first {
                try await consumer.prove(first)
            }
            try await move(inboxes, watches, to: consumer, try makeProducer())
        } catch {
            await consumer.close()
            throw error
        }
    }

    /// What other connections take the place of.
    private struct Former {
        let consumer: KafkaConsumer?
        let producer: KafkaProducer?
        /// Those that are members of no group any more.
        var idle: [KafkaConsumer] = []
    }

    private func move(
        _ inboxes: [KafkaInbox], _ watches: [KafkaPresence], to consumer: KafkaConsumer, _ producer: KafkaProducer
    ) async throws(KafkaError) {
        let group = configuration.group
        let former = state.withLock { state -> Former? in
            guard !state.isClosed else { return nil }
            var former = Former(consumer: state.consumer, producer: state.producer)
            var members = state.others
            if let group { members[group] = state.consumer } else { former.idle = [state.consumer].compactMap { $0 } }
            for (group, member) in members {
                if state.subscriptions[group] == nil {
                    former.idle.append(member)
                } else {
                    state.former[group] = member
                }
            }
            (state.others, state.consumer, state.producer) = ([:], consumer, producer)
            return former
        }
        guard let former else {
            await producer.close(within: .zero)
            throw KafkaError(.closed, "the broker is closed")
        }
        let old = former.consumer
        for inbox in inboxes {
            for partition in inbox.partitions { await Self.move(partition, of: inbox, from: old, to: consumer) }
        }
        for watch in watches { await Self.move(watch.partition, of: watch, from: old, to: consumer) }
        for consumer in former.idle { await consumer.close() }
        await former.producer?.close(within: configuration.limits.sendTime)
    }

    /// Reads on where the former consumer has come; again and again while the cluster is away.
    private static func move(
        _ partition: PartitionID, of reader: any PartitionReader, from old: KafkaConsumer?, to fresh: KafkaConsumer
    ) async {
        guard let next = await old?.handOver(partition, by: reader) else { return }
        while !Task.isCancelled, fresh.handle?.isClosing == false {
            do throws(KafkaError) {
                return try await fresh.read(partition, for: reader, from: next)
            } catch {
                try? await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    // MARK: Parts

    /// The consumer that is a member of the group's consumer group: the process's one, or one for this further group.
    private func consumer(for group: GroupPlace) throws(BrokerError) -> KafkaConsumer {
        let present = state.withLock { state -> KafkaConsumer? in
            if state.isClosed { return nil }
            return configuration.group == group ? state.consumer : state.others[group]
        }
        if let present { return present }
        let fresh: KafkaConsumer
        do throws(KafkaError) {
            fresh = try makeConsumer(of: group)
        } catch {
            throw error.asBrokerError
        }
        let isTaken = state.withLock { state in
            guard !state.isClosed else { return false }
            state.others[group] = fresh
            return true
        }
        guard isTaken else {
            // Owned by nobody: it ends as soon as the handle is gone.
            Task { await fresh.close() }
            throw Self.closed
        }
        return fresh
    }

    private func end(_ subscription: KafkaSubscription) async {
        state.withLock { state in
            if state.subscriptions[subscription.place] === subscription {
                state.subscriptions[subscription.place] = nil
            }
        }
        await subscription.depart(within: .seconds(5))
        await state.withLock { $0.former.removeValue(forKey: subscription.place) }?.close()
    }

    private func end(_ inbox: KafkaInbox) async {
        guard inbox.shut() else { return }
        let (consumer, producer) = state.withLock { state in
            if state.inboxes[inbox.place] === inbox { state.inboxes[inbox.place] = nil }
            return (state.consumer, state.producer)
        }
        await producer?.sayFarewell(of: inbox.place, until: clock.now + .seconds(60))
        for partition in inbox.partitions { await consumer?.stop(partition, for: inbox) }
    }

    private func end(_ watch: KafkaPresence) async {
        guard watch.shut() else { return }
        let consumer = state.withLock { state in
            state.watches[ObjectIdentifier(watch)] = nil
            return state.consumer
        }
        await consumer?.stop(watch.partition, for: watch)
    }

    private static let closed = BrokerError(.closed, "the broker is closed")
}
