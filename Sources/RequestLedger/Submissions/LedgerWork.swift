internal import Failpoints

/// What a piece of the ledger's work is.
enum LedgerWork: Sendable {
    /// A request is taken in; the one kind that may be refused for want of room.
    case submission
    /// What became of requests, and the count of starts.
    case change
    /// How a delivery went.
    case delivery
    /// What was kept long enough is forgotten.
    case sweep

    /// Where a test may kill the process: before its transaction, in it, and after it.
    var failpoints: (before: Failpoint, inside: Failpoint, after: Failpoint) {
        switch self {
        case .submission: (.ledgerSubmitBefore, .ledgerSubmitInside, .ledgerSubmitAfter)
        case .change: (.ledgerChangeBefore, .ledgerChangeInside, .ledgerChangeAfter)
        case .delivery: (.ledgerDeliveryBefore, .ledgerDeliveryInside, .ledgerDeliveryAfter)
        case .sweep: (.ledgerSweepBefore, .ledgerSweepInside, .ledgerSweepAfter)
        }
    }
}
