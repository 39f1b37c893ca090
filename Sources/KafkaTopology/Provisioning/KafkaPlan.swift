internal import RelayFormat

/// What has to be done on a cluster, from what is there to what must be.
public struct KafkaPlan: Sendable, Hashable, Codable {
    /// A topic that needs more partitions.
    public struct Widening: Sendable, Hashable, Codable {
        /// Its name.
        public var topic: String
        /// How many it has.
        public var from: Int32
        /// How many it needs.
        public var partitions: Int32

        /// Describes what a topic lacks.
        public init(topic: String, from: Int32, partitions: Int32) {
            self.topic = topic
            self.from = from
            self.partitions = partitions
        }
    }

    /// A topic with settings that are wrong.
    public struct Change: Sendable, Hashable, Codable {
        /// Its name.
        public var topic: String
        /// The right values of those that are wrong.
        public var settings: [String: String]
        /// All that the topic has of its own afterwards: whoever sets one must tell all.
        public var all: [String: String]
    }

    /// Topics to be made.
    public var topics: [KafkaTopic] = []
    /// Topics that need more partitions.
    public var widenings: [Widening] = []
    /// Topics whose settings are wrong.
    public var settings: [Change] = []
    /// Rules of access to be given.
    public var grants: [KafkaRule] = []
    /// Rules of access to be taken away, in this order.
    public var withdrawals: [KafkaRule] = []
    /// What is not as it should be and no plan mends, for people.
    public var remarks: [String] = []

    /// Whether all is there.
    public var isEmpty: Bool {
        topics.isEmpty && widenings.isEmpty && settings.isEmpty && grants.isEmpty && withdrawals.isEmpty
    }

    /// How much has to be done.
    public var steps: Int {
        topics.count + widenings.count + settings.count + grants.count + withdrawals.count
    }

    /// Compares what must be with what is.
    public init(_ wishes: KafkaWishes, seen: KafkaSighting) {
        for topic in wishes.topics.values.sorted(by: { $0.name < $1.name }) {
            if let present = seen.topics[topic.name] {
                compare(topic, with: present)
            } else {
                topics.append(topic)
            }
        }
        if let needed = topics.map(\.replication).max(), Int(needed) > seen.servers {
            remarks.append(
                "the cluster has \(seen.servers) server\(seen.servers == 1 ? "" : "s") and topics need \(needed): add"
                    + " servers, or set \"replication\" to \(seen.servers), which is for tests if it is below 3")
        }
        let idle = seen.topics.keys.filter { wishes.topics[$0] == nil && wishes.layout.owns(topic: $0) }.sorted()
        if !idle.isEmpty {
            remarks.append(
                "nothing is sent to these topics any more, and nobody but you deletes them:"
                    + " \(idle.prefix(10).joined(separator: ", "))\(idle.count > 10 ? " and \(idle.count - 10) more" : "")"
            )
        }
        compareRules(wishes, with: seen)
    }

    private mutating func compare(_ topic: KafkaTopic, with present: KafkaSighting.Topic) {
        if present.partitions < topic.partitions {
            widenings.append(Widening(topic: topic.name, from: present.partitions, partitions: topic.partitions))
        }
        if present.replication < topic.replication {
            remarks.append(
                "the topic \(topic.name) lies on \(present.replication) server\(present.replication == 1 ? "" : "s")"
                    + " instead of \(topic.replication): only kafka-reassign-partitions.sh changes that")
        }
        guard let settings = present.settings else {
            remarks.append(
                "the settings of the topic \(topic.name) cannot be read: allow DescribeConfigs on it")
            return
        }
        let unknown = topic.settings.keys.filter { settings[$0] == nil }.sorted()
        if !unknown.isEmpty {
            remarks.append(
                "the cluster does not know \(unknown.joined(separator: ", ")) of the topic \(topic.name): name it in"
                    + " \"settings_left_alone\" if that is how the service is")
        }
        let wrong = topic.settings.filter { settings[$0.key] != nil && settings[$0.key] != $0.value }
        guard !wrong.isEmpty else { return }
        let kept = settings.filter { present.own.contains($0.key) }
        let wished = topic.settings.filter { settings[$0.key] != nil }
        self.settings.append(Change(topic: topic.name, settings: wrong, all: kept.merging(wished) { $1 }))
    }

    private mutating func compareRules(_ wishes: KafkaWishes, with seen: KafkaSighting) {
        guard wishes.connectors != nil || wishes.dispatchers != nil else { return }
        guard let present = seen.rules else {
            if !wishes.rules.isEmpty {
                remarks.append(
                    "the cluster has no authorizer, so that whoever reaches it may do anything: set"
                        + " authorizer.class.name on its servers (ops/kafka/server.properties); no rule of access is"
                        + " given")
            }
            return
        }
        grants = wishes.rules.subtracting(present).sorted()
        var foreign: Set<String> = []
        for rule in present.subtracting(wishes.rules) {
            if rule.kind == .cluster {
                // Another installation may share the cluster, so only who is known to be shut out loses this.
                if wishes.shutOut.contains(rule.principal), rule.operation == .idempotentWrite {
                    withdrawals.append(rule)
                }
            } else if wishes.layout.owns(rule), rule.principal != wishes.administrator {
                if wishes.isMember(rule.principal) {
                    withdrawals.append(rule)
                } else {
                    foreign.insert(rule.principal)
                }
            }
        }
        withdrawals.sort()
        if !foreign.isEmpty {
            remarks.append(
                "these have rules on Postern's topics or groups and are no members of the relay, so that their rules"
                    + " stay as they are: \(foreign.sorted().joined(separator: ", "))")
        }
        if !seen.oddRules.isEmpty {
            remarks.append(
                "these rules deny something or hold for one host alone; Postern leaves them as they are:"
                    + " \(seen.oddRules.sorted().joined(separator: "; "))")
        }
    }
}

extension KafkaLayout {
    /// Whether a rule is about a place of this layout and prefix, and of no other installation whose prefix begins alike.
    public func owns(_ rule: KafkaRule) -> Bool {
        switch rule.kind {
        case .cluster: return false
        case .topic: return owns(topic: rule.name)
        case .group:
            let parts = ownParts(of: rule.name)
            return parts.count == 2 && TenantID(parts[0]) != nil && GroupID(parts[1]) != nil
        }
    }

    /// Whether a topic, or what topics begin with, is of this prefix; in either layout, since one may follow the other.
    public func owns(topic name: String) -> Bool {
        let parts = ownParts(of: name)
        switch parts.count {
        case 1: return ["req", "rep", "in", "pres"].contains(parts[0])
        case 2: return TenantID(parts[0]) != nil && ["rep", "in", "pres"].contains(parts[1])
        case 3: return TenantID(parts[0]) != nil && parts[1] == "req" && (parts[2].isEmpty || GroupID(parts[2]) != nil)
        default: return false
        }
    }

    private func ownParts(of name: String) -> [Substring] {
        guard name.hasPrefix(prefix + ".") else { return [] }
        return name.dropFirst(prefix.count + 1).split(separator: ".", omittingEmptySubsequences: false)
    }
}
