internal import BrokerCore

/// A presence watch from which events are taken one by one.
final class Watcher {
    let watch: any PresenceWatch
    private var waiting: [PresenceEvent] = []

    init(_ watch: any PresenceWatch) {
        self.watch = watch
    }

    /// Waits for the next event.
    func next() async throws -> PresenceEvent {
        while waiting.isEmpty {
            guard let events = await watch.next() else { throw ConformanceFailure("the watch ended") }
            waiting = events
        }
        return waiting.removeFirst()
    }
}
