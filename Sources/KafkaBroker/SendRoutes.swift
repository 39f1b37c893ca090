internal import BrokerCore
internal import KafkaTopology
internal import RelayFormat
internal import Synchronization

/// Which topic and which partitions a place is, looked up once for many records.
final class SendRoutes: Sendable {
    /// Where the records of a place go.
    struct Target: Sendable {
        var topic: KafkaTopics.Topic
        /// Those of a group, of which each record needs one; empty where the place itself says which.
        var partitions: [Int32]
    }

    private enum Key: Hashable {
        case group(GroupPlace)
        case inboxes(TenantID)
        case presence(TenantID)

        init(_ place: Place) {
            switch place {
            case .group(let place): self = .group(place)
            case .inbox(let place): self = .inboxes(place.tenant)
            case .presence(let tenant): self = .presence(tenant)
            }
        }
    }

    /// So many places are remembered; a tenant that has more looks some up again.
    private static let most = 10_000
    private let layout: KafkaLayout
    private let role: KafkaLayout.Role
    private let topics: KafkaTopics
    private let known = Mutex<[Key: Target]>([:])

    init(_ layout: KafkaLayout, role: KafkaLayout.Role, topics: KafkaTopics) {
        self.layout = layout
        self.role = role
        self.topics = topics
    }

    /// The targets of records; asks the cluster for topics that are not known yet.
    func targets(
        of records: [OutgoingRecord], through handle: KafkaHandle
    ) async throws(KafkaError) -> [Target] {
        if let targets = find(records) { return targets }
        for record in records { try await learn(record.place, through: handle) }
        guard let targets = find(records) else { throw KafkaError(.unavailable, "too many places in one send") }
        return targets
    }

    private func find(_ records: [OutgoingRecord]) -> [Target]? {
        known.withLock { known in
            var targets: [Target] = []
            targets.reserveCapacity(records.count)
            for record in records {
                guard let target = known[Key(record.place)] else { return nil }
                targets.append(target)
            }
            return targets
        }
    }

    private func learn(_ place: Place, through handle: KafkaHandle) async throws(KafkaError) {
        let key = Key(place)
        guard known.withLock({ $0[key] == nil }) else { return }
        let name: String
        var partitions: [Int32] = []
        switch place {
        case .group(let group):
            name = layout.requestTopic(of: group)
            partitions = layout.requestPartitions(of: group)
        case .inbox(let inbox):
            name = layout.inboxTopic(of: inbox.tenant, read: role == .dispatcher ? .connector : .dispatcher)
        case .presence(let tenant): name = layout.presenceTopic(of: tenant)
        }
        try await topics.learn([name], through: handle)
        guard let topic = topics.find(name) else { throw KafkaError(.closed, "the handle was closed") }
        // A topic with fewer partitions than the layout says is used as far as it goes.
        let target = Target(topic: topic, partitions: partitions.filter { $0 < topic.partitions })
        if case .group = place, target.partitions.isEmpty {
            throw KafkaError(.missing, "topic \(name) has too few partitions; ‘postern-tenant kafka plan’ tells more")
        }
        known.withLock { known in
            if known.count >= Self.most { known = [:] }
            known[key] = target
        }
    }
}
