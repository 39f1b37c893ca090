extension ExecutionTable {
    /// How many requests are how far.
    public struct Tally: Sendable, Equatable {
        /// Waiting for the journal, for their grant, or to be alone.
        public var waiting = 0
        /// Being carried out.
        public var running = 0
        /// Answered, and waiting for the receipt.
        public var finished = 0
    }

    /// Counts what is in hand; for people, not for decisions.
    public var tally: Tally {
        entries.values.reduce(into: Tally()) { tally, entry in
            switch entry.state {
            case .resolving, .waiting, .claimed, .writing: tally.waiting += 1
            case .running: tally.running += 1
            case .finished: tally.finished += 1
            }
        }
    }
}
