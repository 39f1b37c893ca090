public import BrokerConformance
public import BrokerCore
public import KafkaBroker
public import KafkaTopology
public import Logging
internal import RelayFormat
internal import Synchronization

/// A Kafka cluster as the conformance suite sees it: each party has handles of its own.
public final class KafkaSite: BrokerSite {
    public let abilities: Set<SiteAbility>
    public let clock: RelayClock
    private let turnable: TurnableClock
    private let bootstrap: String
    /// Where places lie.
    public let layout: KafkaLayout
    private let makeTopics: @Sendable ([(name: String, partitions: Int32)]) async throws -> Void
    private let end: @Sendable () async -> Void
    private let properties: [String: String]
    private let security: @Sendable (Party) async throws -> KafkaSecurity
    private let brokers = Mutex<[ClusterBroker]>([])

    /// Makes a site.
    ///
    /// - Parameters:
    ///   - takesEveryCommit: whether the cluster takes commits while a group is shared out anew.
    ///   - clock: by which the brokers tell the time; nil for one that is turned.
    ///   - security: lets a party in.
    ///   - makeTopics: makes topics that are not there yet.
    ///   - end: ends what was started for the site.
    public init(
        bootstrap: String, layout: KafkaLayout = .init(requestPartitions: 8, inboxPartitions: 8),
        properties: [String: String] = [:], takesEveryCommit: Bool = true, clock: RelayClock? = nil,
        security: @escaping @Sendable (Party) async throws -> KafkaSecurity = { _ in KafkaSecurity() },
        makeTopics: @escaping @Sendable ([(name: String, partitions: Int32)]) async throws -> Void,
        end: @escaping @Sendable () async -> Void
    ) {
        abilities = takesEveryCommit ? [.turnsClock, .settlesMeanwhile] : [.turnsClock]
        turnable = TurnableClock(RelayClock.system.now)
        self.clock = clock ?? turnable.clock
        self.bootstrap = bootstrap
        self.layout = layout
        self.properties = properties
        self.security = security
        self.makeTopics = makeTopics
        self.end = end
    }

    public func connect(_ party: Party) async throws -> any Broker {
        try await provide(for: party)
        var configuration = KafkaConfiguration(
            bootstrap: bootstrap, layout: layout, role: party.role == .dispatcher ? .dispatcher : .connector,
            group: party.role == .connector ? party.groupPlace : nil, security: try await security(party),
            properties: properties)
        // A group forms slowly where many clusters share two cores.
        configuration.limits.openingTime = .seconds(45)
        let broker = try ClusterBroker(configuration: configuration, clock: clock, logger: .quiet)
        brokers.withLock { $0.append(broker) }
        return broker
    }

    /// Makes the topics that a party needs.
    public func provide(for party: Party) async throws {
        try await makeTopics([
            (layout.requestTopic(of: party.groupPlace), layout.requestPartitions),
            (layout.inboxTopic(of: party.tenant, read: .dispatcher), layout.inboxPartitions),
            (layout.inboxTopic(of: party.tenant, read: .connector), layout.inboxPartitions),
            (layout.presenceTopic(of: party.tenant), layout.presencePartitions),
        ])
    }

    public func cut(_ party: Party) async throws { throw KafkaError(.closed, "Kafka sees no cut") }

    public func advance(by time: Duration) async throws { turnable.advance(by: time) }

    /// A site on a mock cluster, which it ends.
    public static func mock(
        _ cluster: MockCluster, layout: KafkaLayout? = nil, clock: RelayClock? = nil
    ) -> KafkaSite {
        KafkaSite(
            bootstrap: cluster.bootstrap, layout: layout ?? .init(requestPartitions: 8, inboxPartitions: 8),
            // It never wakes a fetch that waits.
            properties: ["fetch.wait.max.ms": "5"], takesEveryCommit: false, clock: clock,
            makeTopics: { topics in
                for topic in topics { cluster.makeTopic(topic.name, partitions: topic.partitions) }
            }, end: { cluster.stop() })
    }

    public func stop() async {
        await withDiscardingTaskGroup { group in
            for broker in brokers.withLock({ $0 }) { group.addTask { await broker.close() } }
        }
        await end()
    }
}

extension Logger {
    /// Says errors alone.
    public static var quiet: Logger {
        var logger = Logger(label: "kafka-test")
        logger.logLevel = .error
        return logger
    }
}
