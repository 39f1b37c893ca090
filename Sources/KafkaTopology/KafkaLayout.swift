public import BrokerCore
public import RelayFormat

/// Where the places of the relay lie on a Kafka cluster: names of topics and consumer groups, numbers of partitions.
///
/// Both ends compute the same answers from the same layout, so that nobody has to be asked where to send.
public struct KafkaLayout: Sendable, Hashable, Codable {
    /// How places are spread over topics.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// Each tenant has its topics, and each group one of its own: access ends at what a member needs.
        case dedicated
        /// Four topics serve all, for clusters that count topics: a place has fixed partitions of them.
        case shared
    }

    /// Which end of the relay a process is; inboxes of the two ends lie in different topics.
    public enum Role: String, Sendable, Codable, CaseIterable {
        /// Reads the tenant's replies and presence, writes work.
        case dispatcher
        /// Reads its groups' work and its inbox, writes replies and beats.
        case connector
    }

    /// How places are spread over topics.
    public var kind: Kind
    /// What all names begin with: letters, digits, dots and dashes.
    public var prefix: String
    /// How many partitions a topic of work has: at least as many as a group has members.
    public var requestPartitions: Int32
    /// How many partitions a topic of inboxes has, two for each inbox: one for control frames, one for data.
    public var inboxPartitions: Int32
    /// How many partitions the presence of all tenants has in the shared layout; a tenant of its own needs one.
    public var presencePartitions: Int32

    /// Describes a layout.
    public init(
        kind: Kind = .dedicated, prefix: String = "postern", requestPartitions: Int32 = 12,
        inboxPartitions: Int32 = 32, presencePartitions: Int32 = 4
    ) {
        self.kind = kind
        self.prefix = prefix
        self.requestPartitions = requestPartitions
        self.inboxPartitions = inboxPartitions
        self.presencePartitions = presencePartitions
    }

    enum CodingKeys: String, CodingKey {
        case kind, prefix
        case requestPartitions = "request_partitions"
        case inboxPartitions = "inbox_partitions"
        case presencePartitions = "presence_partitions"
    }

    /// In the shared layout a group's work lies in so many of the partitions.
    public static let sharedSpread: Int32 = 4

    /// What is wrong with the layout, for people; nil when nothing is.
    public var flaw: String? {
        let isNameable = prefix.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        if prefix.isEmpty || prefix.utf8.count > 100 || !isNameable {
            return "the prefix needs 1 to 100 letters, digits, dots and dashes"
        }
        if !(1...1000).contains(requestPartitions) { return "request_partitions needs 1 to 1000" }
        if !(2...2000).contains(inboxPartitions) || inboxPartitions % 2 != 0 {
            return "inbox_partitions needs an even number of 2 to 2000"
        }
        if !(1...1000).contains(presencePartitions) { return "presence_partitions needs 1 to 1000" }
        return nil
    }
}

extension KafkaLayout {
    /// The topic of a group's work.
    public func requestTopic(of group: GroupPlace) -> String {
        switch kind {
        case .dedicated: "\(prefix).\(group.tenant).req.\(group.group)"
        case .shared: "\(prefix).req"
        }
    }

    /// The partitions in which a group's work lies.
    public func requestPartitions(of group: GroupPlace) -> [Int32] {
        switch kind {
        case .dedicated: return Array(0..<requestPartitions)
        case .shared:
            let spread = min(Self.sharedSpread, requestPartitions)
            let first = Int32(group.group.low % UInt64(requestPartitions))
            // Far from one another, so that the range assignor gives them to different members.
            let step = requestPartitions / spread
            return (0..<spread).map { (first + $0 * step) % requestPartitions }.sorted()
        }
    }

    /// The consumer group in which the members of a group share its work.
    public func consumerGroup(of group: GroupPlace) -> String { "\(prefix).\(group.tenant).\(group.group)" }

    /// The topic of the inboxes of a tenant's dispatchers, or of its connectors.
    public func inboxTopic(of tenant: TenantID, read role: Role) -> String {
        let name = role == .dispatcher ? "rep" : "in"
        switch kind {
        case .dedicated: return "\(prefix).\(tenant).\(name)"
        case .shared: return "\(prefix).\(name)"
        }
    }

    /// How many inboxes can lie apart from one another.
    public var inboxSlots: Int32 { inboxPartitions / 2 }

    /// Which of the slots is a boot's: it follows from the boot's id, so a process that needs a slot to itself draws a
    /// fitting id.
    public func inboxSlot(of boot: BootID) -> Int32 { Int32(boot.low % UInt64(inboxSlots)) }

    /// The partition of a boot's control frames.
    public func controlPartition(of boot: BootID) -> Int32 { 2 * inboxSlot(of: boot) }

    /// The partition of a boot's data.
    public func dataPartition(of boot: BootID) -> Int32 { 2 * inboxSlot(of: boot) + 1 }

    /// The topic of a tenant's presence.
    public func presenceTopic(of tenant: TenantID) -> String {
        switch kind {
        case .dedicated: "\(prefix).\(tenant).pres"
        case .shared: "\(prefix).pres"
        }
    }

    /// The partition of a tenant's presence.
    public func presencePartition(of tenant: TenantID) -> Int32 {
        switch kind {
        case .dedicated: 0
        case .shared: Int32(tenant.low % UInt64(presencePartitions))
        }
    }
}
