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

    private struct State {
        var known: [Key: Target] = [:]
        /// Those whose topic is not there, and until when that is taken as known: asking takes a second.
        var missing: [Key: (error: KafkaError, until: ContinuousClock.Instant)] = [:]
    }

    /// So many places are remembered; a tenant that has more looks some up again.
    private static let most = 10_000
    private static let absence = Duration.seconds(2)
    private let layout: KafkaLayout
    private let role: KafkaLayout.Role
    private let topics: KafkaTopics
    private let state = Mutex(State())

    init(_ layout: KafkaLayout, role: KafkaLayout.Role, topics: KafkaTopics) {
        self.layout = layout
        self.role = role
        self.topics = topics
    }

    /// The targets of places, as far as they are known.
    func known(_ places: some Sequence<Place>) -> [Target?] {
        state.withLock { state in places.map { state.known[Key($0)] } }
    }

    /// Asks the cluster for the targets of places, one after the other: each has its answer, or why there is none.
    func ask(for places: Set<Place>, through handle: KafkaHandle) async -> [Place: Result<Target, KafkaError>] {
        var answers: [Place: Result<Target, KafkaError>] = [:]
        var isAway: KafkaError?
        for place in places {
            do throws(KafkaError) {
                // Who does not answer is not asked again for each place.
                if let isAway { throw isAway }
                answers[place] = .success(try await target(of: place, through: handle))
            } catch {
                answers[place] = .failure(error)
                if error.code != .missing { isAway = error }
            }
        }
        return answers
    }

    /// The target of a place; asks the cluster when it is not known yet.
    ///
    /// - Throws: `KafkaError`; that a topic is missing is remembered for a moment.
    private func target(of place: Place, through handle: KafkaHandle) async throws(KafkaError) -> Target {
        let key = Key(place)
        let (known, missing) = state.withLock { ($0.known[key], $0.missing[key]) }
        if let known { return known }
        if let missing, .now < missing.until { throw missing.error }
        do throws(KafkaError) {
            let target = try await ask(for: place, through: handle)
            state.withLock { state in
                if state.known.count >= Self.most { state.known = [:] }
                state.known[key] = target
                state.missing[key] = nil
            }
            return target
        } catch {
            if error.code == .missing {
                state.withLock { state in
                    if state.missing.count >= Self.most { state.missing = [:] }
                    state.missing[key] = (error, .now + Self.absence)
                }
            }
            throw error
        }
    }

    private func ask(for place: Place, through handle: KafkaHandle) async throws(KafkaError) -> Target {
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
        return target
    }
}
