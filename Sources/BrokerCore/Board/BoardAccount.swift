/// What the parts of a board share: limits, counters, deadlines, and the actions of the event under way.
struct BoardAccount: Sendable {
    let limits: BoardLimits
    var counters = BoardCounters()
    var deadlines = BoardDeadlines()
    var actions = BoardActions()

    init(limits: BoardLimits) {
        self.limits = limits
    }

    /// Whether so many bytes more stay within the limit of the whole board.
    func hasRoom(for bytes: Int) -> Bool {
        bytes <= limits.totalBytes - counters.bytes
    }
}
