internal import RelayFormat

/// The requests of which a connector must start no dispatch any more, each until its time is over.
///
/// Where there are too many, those whose time ends first are forgotten first.
struct ClosedRequests: Sendable {
    private let limit: Int
    private var attempts: [RequestID: UInt32] = [:]
    private var ends = DeadlineQueue<RequestID>()

    init(limit: Int) {
        self.limit = limit
    }

    /// Up to which attempt the request is closed; nil when it is open.
    subscript(id: RequestID) -> UInt32? { attempts[id] }

    mutating func close(_ id: RequestID, upTo attempt: UInt32, until end: RelayTime) {
        attempts[id] = max(attempt, attempts[id] ?? 0)
        ends.set(end, for: id)
        while attempts.count > limit, let earliest = ends.earliest { forget(at: earliest) }
    }

    mutating func forget(at now: RelayTime) {
        guard let earliest = ends.earliest, earliest <= now else { return }
        for id in ends.takeDue(at: now) { attempts[id] = nil }
    }
}
