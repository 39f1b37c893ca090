internal import BrokerCore
internal import DequeModule
internal import Synchronization

/// A view of a tenant's presence at the far end of a link; when nobody reads it, old beats go, never a `closed`.
final class LinkPresenceWatch: PresenceWatch {
    private static let capacity = 8192

    private let id: UInt32
    private let client: LinkClient
    private let events = Mutex(Deque<PresenceEvent>())
    private let signal = Mailbox<Void>(capacity: 1)

    init(id: UInt32, client: LinkClient) {
        self.id = id
        self.client = client
    }

    func next() async -> [PresenceEvent]? {
        while true {
            let taken = events.withLock { events in
                defer { events.removeAll(keepingCapacity: true) }
                return Array(events)
            }
            guard taken.isEmpty else { return taken }
            guard await signal.take() != nil else { return nil }
        }
    }

    func close() async { client.close(id) }

    func take(_ arrived: [PresenceEvent]) {
        events.withLock { events in
            events.append(contentsOf: arrived)
            guard events.count > Self.capacity else { return }
            var surplus = events.count - Self.capacity
            events.removeAll { event in
                guard surplus > 0, case .beat = event else { return false }
                surplus -= 1
                return true
            }
        }
        signal.put(CollectionOfOne(()))
    }

    func end() { signal.close() }
}
