internal import RelayFormat

/// What is remembered of calls that have ended: the newest ones, in memory, without bodies.
///
/// Every call is written here, and hardly any is looked for; so writing is cheap, and looking is a search.
struct CallHistory: Sendable {
    private let limit: Int
    /// In the order of their ends; a ring.
    private var lives: [RequestLife] = []
    private var next = 0

    init(limit: Int) {
        self.limit = limit
    }

    subscript(id: RequestID) -> RequestLife? {
        get { lives.last { $0.id == id } }
        set {
            guard let index = lives.lastIndex(where: { $0.id == id }), let newValue else { return }
            lives[index] = newValue
        }
    }

    /// All that are remembered, the newest first.
    var newestFirst: [RequestLife] { (lives[next...] + lives[..<next]).reversed() }

    mutating func remember(_ life: RequestLife) {
        guard limit > 0 else { return }
        guard lives.count == limit else { return lives.append(life) }
        lives[next] = life
        next = (next + 1) % limit
    }
}
