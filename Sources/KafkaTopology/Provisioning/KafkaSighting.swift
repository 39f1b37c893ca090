/// What was found on a cluster.
public struct KafkaSighting: Sendable, Hashable {
    /// A topic as it is.
    public struct Topic: Sendable, Hashable {
        /// How many partitions it has.
        public var partitions: Int32
        /// On how many servers each of them lies, at the least.
        public var replication: Int16
        /// Its settings with those that it has from the cluster; nil when they may not be read.
        public var settings: [String: String]?
        /// The names of those that were set for this topic.
        public var own: Set<String>

        /// Describes a topic.
        public init(partitions: Int32, replication: Int16, settings: [String: String]?, own: Set<String> = []) {
            self.partitions = partitions
            self.replication = replication
            self.settings = settings
            self.own = own
        }
    }

    /// How many servers the cluster has.
    public var servers: Int
    /// The topics by their names.
    public var topics: [String: Topic]
    /// The rules that allow something, of any host; nil where the cluster has no authorizer.
    public var rules: Set<KafkaRule>?
    /// Rules that no member has from Postern, in words: those that deny, or hold for one host.
    public var oddRules: [String]

    /// Describes a cluster.
    public init(
        servers: Int, topics: [String: Topic] = [:], rules: Set<KafkaRule>? = [], oddRules: [String] = []
    ) {
        self.servers = servers
        self.topics = topics
        self.rules = rules
        self.oddRules = oddRules
    }

    /// What will be there when a plan is carried out.
    public func after(_ plan: KafkaPlan) -> KafkaSighting {
        var next = self
        for topic in plan.topics {
            next.topics[topic.name] = Topic(
                partitions: topic.partitions, replication: topic.replication, settings: topic.settings,
                own: Set(topic.settings.keys))
        }
        for widening in plan.widenings { next.topics[widening.topic]?.partitions = widening.partitions }
        for change in plan.settings {
            next.topics[change.topic]?.settings?.merge(change.all) { $1 }
            next.topics[change.topic]?.own.formUnion(change.all.keys)
        }
        next.rules?.formUnion(plan.grants)
        next.rules?.subtract(plan.withdrawals)
        return next
    }
}
