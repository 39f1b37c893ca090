internal import DequeModule
internal import RelayFormat

/// What waits for one watcher of presence: the latest beats, and every closing.
struct WatchBuffer: Sendable {
    private var beats = Deque<(order: UInt64, payload: [UInt8], expiresAt: RelayTime)>()
    private var closings = Deque<(order: UInt64, boot: BootID)>()
    private var beatBytes = 0
    private var order: UInt64 = 0
    private var isSignalled = false

    /// Adds a beat, at the cost of the oldest ones when there are too many; true when the reader has to be woken.
    mutating func add(beat payload: [UInt8], expiresAt: RelayTime, _ account: inout BoardAccount) -> Bool {
        beats.append((nextOrder(), payload, expiresAt))
        beatBytes += payload.count
        while beats.count > account.limits.watchBeats || beatBytes > account.limits.watchBytes,
            let lost = beats.popFirst()
        {
            beatBytes -= lost.payload.count
            account.counters.lostBeats += 1
        }
        return signal()
    }

    /// Adds a closing; nil when there are too many, else whether the reader has to be woken.
    mutating func add(closed boot: BootID, limit: Int) -> Bool? {
        guard closings.count < limit else { return nil }
        closings.append((nextOrder(), boot))
        return signal()
    }

    /// Takes everything in the order in which it came.
    mutating func take(now: RelayTime) -> [PresenceEvent] {
        isSignalled = false
        beatBytes = 0
        var events: [PresenceEvent] = []
        events.reserveCapacity(beats.count + closings.count)
        while let beat = beats.popFirst() {
            while let closing = closings.first, closing.order < beat.order {
                events.append(.closed(closing.boot))
                closings.removeFirst()
            }
            if beat.expiresAt > now { events.append(.beat(beat.payload)) }
        }
        for closing in closings { events.append(.closed(closing.boot)) }
        closings.removeAll()
        return events
    }

    private mutating func nextOrder() -> UInt64 {
        order += 1
        return order
    }

    private mutating func signal() -> Bool {
        defer { isSignalled = true }
        return !isSignalled
    }
}
