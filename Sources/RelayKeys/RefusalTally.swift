internal import Metrics
public import RelayFormat
public import RelaySealing
internal import Synchronization

/// Counts what was refused, each under its own reason.
public final class RefusalTally: Sendable {
    private let counters: [SealingError.Code: Counter]
    private let counts = Mutex<[SealingError.Code: UInt64]>([:])

    /// Starts at zero.
    ///
    /// - Parameters:
    ///   - label: the name of the metric.
    ///   - dimensions: what the metric says besides the reason.
    public init(label: String, dimensions: [(String, String)]) {
        var counters: [SealingError.Code: Counter] = [:]
        for code in SealingError.Code.allCases {
            counters[code] = Counter(label: label, dimensions: dimensions + [("reason", code.rawValue)])
        }
        self.counters = counters
    }

    /// Counts a refusal.
    public func count(_ error: SealingError) {
        counters[error.code]?.increment()
        counts.withLock { $0[error.code, default: 0] += 1 }
    }

    /// How often each reason was met.
    public var reasons: [SealingError.Code: UInt64] { counts.withLock { $0 } }
}

extension SealingError {
    /// What was opened, and is no message all the same.
    public init(unreadable error: RelayFormatError) { self.init(.malformed, error.description) }
}
