internal import RelayFormat

/// What is remembered of calls that have ended: the newest ones, in memory, without bodies.
struct CallHistory: Sendable {
    private let limit: Int
    private var lives: [RequestID: RequestLife] = [:]
    /// The ids in the order of their ends; a ring.
    private var order: [RequestID] = []
    private var next = 0

    init(limit: Int) {
        self.limit = limit
    }

    subscript(id: RequestID) -> RequestLife? {
        get { lives[id] }
        set {
            guard newValue == nil || lives[id] != nil else { return }
            lives[id] = newValue
        }
    }

    /// All that are remembered, the newest first.
    var newestFirst: [RequestLife] {
        (order[next...] + order[..<next]).reversed().compactMap { lives[$0] }
    }

    mutating func remember(_ life: RequestLife) {
        guard limit > 0 else { return }
        if order.count < limit {
            order.append(life.id)
        } else {
            lives[order[next]] = nil
            order[next] = life.id
            next = (next + 1) % limit
        }
        lives[life.id] = life
    }
}
