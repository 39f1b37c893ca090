internal import BrokerCore
internal import KafkaTopology
internal import RelayFormat
internal import Synchronization

/// The reading end of a boot's inbox: two partitions, which it may share with other boots.
final class KafkaInbox: Inbox, PartitionReader {
    private struct State {
        var control: [[UInt8]] = []
        var data: [[UInt8]] = []
        var bytes = 0
    }

    /// How much waits at most before fetching stops.
    private static let mostBytes = 4 << 20
    private static let mostFrames = 16_384

    let place: InboxPlace
    /// The partitions, control first.
    let partitions: [PartitionID]
    private let clock: RelayClock
    private let state = Mutex(State())
    private let bell = Mailbox<Void>(capacity: 1)
    private let leave: @Sendable (KafkaInbox) async -> Void
    private let drained: @Sendable () -> Void

    /// Makes an inbox that is not read yet.
    ///
    /// - Parameters:
    ///   - drained: is called when there is room again in what was full.
    ///   - leave: closes the inbox at its broker.
    init(
        _ place: InboxPlace, layout: KafkaLayout, role: KafkaLayout.Role, clock: RelayClock,
        drained: @escaping @Sendable () -> Void, leave: @escaping @Sendable (KafkaInbox) async -> Void
    ) {
        self.place = place
        let topic = layout.inboxTopic(of: place.tenant, read: role)
        partitions = [layout.controlPartition(of: place.boot), layout.dataPartition(of: place.boot)].map {
            PartitionID(topic: topic, number: $0)
        }
        self.clock = clock
        self.drained = drained
        self.leave = leave
    }

    func next() async -> [[UInt8]]? {
        while true {
            let (frames, wasFull) = state.withLock { state -> ([[UInt8]]?, Bool) in
                if bell.isClosed { return (nil, false) }
                let wasFull = Self.isFull(state)
                defer { (state.control, state.data, state.bytes) = ([], [], 0) }
                return (state.data.isEmpty ? state.control : state.control + state.data, wasFull)
            }
            if wasFull { drained() }
            guard let frames else { return nil }
            if !frames.isEmpty { return frames }
            guard await bell.take() != nil else { return nil }
        }
    }

    func close() async { await leave(self) }

    /// Ends the reading; false when it had ended before.
    func shut() -> Bool { bell.close() }

    func take(_ records: [FetchedRecord]) {
        let now = clock.now
        let hasSome = state.withLock { state in
            for record in records {
                guard record.key.high == place.boot.high, record.key.low == place.boot.low,
                    record.key.tenant == place.tenant, record.key.expiresAt > now
                else { continue }
                switch record.key.content {
                case .control: state.control.append(record.payload)
                case .data: state.data.append(record.payload)
                case .work, .beat, .farewell: continue
                }
                state.bytes += record.payload.count
            }
            return !state.control.isEmpty || !state.data.isEmpty
        }
        if hasSome { bell.put(CollectionOfOne(())) }
    }

    var isFull: Bool { state.withLock { Self.isFull($0) } }

    private static func isFull(_ state: State) -> Bool {
        state.bytes >= mostBytes || state.control.count + state.data.count >= mostFrames
    }

    func end() { _ = shut() }
}
