internal import BrokerCore
internal import DequeModule
internal import KafkaTopology
internal import RelayFormat
internal import Synchronization

/// A view of a tenant's presence: one partition, which it may share with other tenants.
final class KafkaPresence: PresenceWatch, PartitionReader {
    private struct State {
        var events = Deque<PresenceEvent>()
        var beats = 0
    }

    /// How many beats a slow watcher finds; older ones are lost, a farewell never.
    private static let mostBeats = 4096

    let tenant: TenantID
    /// Where it reads.
    let partition: PartitionID
    private let clock: RelayClock
    private let state = Mutex(State())
    private let bell = Mailbox<Void>(capacity: 1)
    private let leave: @Sendable (KafkaPresence) async -> Void

    /// Makes a view that is not read yet.
    ///
    /// - Parameter leave: closes the view at its broker.
    init(
        of tenant: TenantID, layout: KafkaLayout, clock: RelayClock,
        leave: @escaping @Sendable (KafkaPresence) async -> Void
    ) {
        self.tenant = tenant
        partition = PartitionID(
            topic: layout.presenceTopic(of: tenant), number: layout.presencePartition(of: tenant))
        self.clock = clock
        self.leave = leave
    }

    func next() async -> [PresenceEvent]? {
        while true {
            let events = state.withLock { state -> [PresenceEvent]? in
                guard !bell.isClosed else { return nil }
                defer { (state.events, state.beats) = ([], 0) }
                return Array(state.events)
            }
            guard let events else { return nil }
            if !events.isEmpty { return events }
            guard await bell.take() != nil else { return nil }
        }
    }

    func close() async { await leave(self) }

    /// Ends the view; false when it had ended before.
    func shut() -> Bool { bell.close() }

    func take(_ records: [FetchedRecord]) {
        let now = clock.now
        state.withLock { state in
            for record in records where record.key.tenant == tenant && record.key.expiresAt > now {
                switch record.key.content {
                case .beat:
                    if state.beats == Self.mostBeats {
                        if let oldest = state.events.firstIndex(where: { if case .beat = $0 { true } else { false } }) {
                            state.events.remove(at: oldest)
                        }
                    } else {
                        state.beats += 1
                    }
                    state.events.append(.beat(record.payload))
                case .farewell:
                    state.events.append(.closed(BootID(high: record.key.high, low: record.key.low)))
                case .work, .control, .data: break
                }
            }
        }
        bell.put(CollectionOfOne(()))
    }

    var isFull: Bool { false }

    func end() { _ = shut() }
}
