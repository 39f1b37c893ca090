/// A moment on the tenant's clock, in whole milliseconds since 1970-01-01T00:00:00Z.
public struct RelayTime: Sendable, Hashable, Comparable {
    /// Milliseconds since the epoch.
    public var milliseconds: UInt64

    /// Makes a moment from milliseconds since the epoch.
    public init(milliseconds: UInt64) {
        self.milliseconds = milliseconds
    }

    /// The moment that never comes.
    public static let never = RelayTime(milliseconds: .max)

    public static func < (left: Self, right: Self) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// The moment `duration` later, never past `never`; a negative duration leads back, never before the epoch.
    public static func + (moment: Self, duration: Duration) -> Self {
        let span = duration.inMilliseconds
        guard span >= 0 else {
            let (value, overflow) = moment.milliseconds.subtractingReportingOverflow(span.magnitude)
            return RelayTime(milliseconds: overflow ? 0 : value)
        }
        let (value, overflow) = moment.milliseconds.addingReportingOverflow(span.magnitude)
        return overflow ? .never : RelayTime(milliseconds: value)
    }

    /// The time from `earlier` to `later`, negative when they stand the other way round.
    public static func - (later: Self, earlier: Self) -> Duration {
        later >= earlier
            ? .milliseconds(Int64(clamping: later.milliseconds - earlier.milliseconds))
            : .milliseconds(-Int64(clamping: earlier.milliseconds - later.milliseconds))
    }
}

extension Duration {
    /// The duration in whole milliseconds, rounded towards zero and clamped to what 64 bits hold.
    public var inMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        let (sum, sumOverflow) = product.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        guard !overflow, !sumOverflow else { return seconds < 0 ? .min : .max }
        return sum
    }
}
