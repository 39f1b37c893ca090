/// A store of tokens that fills at an even pace; each request takes one.
public struct TokenBucket: Sendable, Equatable {
    private var level: Double
    private var updated: UInt64

    /// Makes a full bucket.
    public init(_ rate: RequestRate, at now: UInt64) {
        level = rate.burst
        updated = now
    }

    /// Takes a token.
    ///
    /// - Parameter now: milliseconds; a clock that was set back costs nobody anything but the time it jumped.
    /// - Returns: nil when there was one, else after how many seconds there will be.
    public mutating func take(_ rate: RequestRate, at now: UInt64) -> Double? {
        if now > updated { level = min(rate.burst, level + Double(now - updated) / 1000 * rate.perSecond) }
        updated = now
        guard level < 1 else {
            level -= 1
            return nil
        }
        return (1 - level) / rate.perSecond
    }
}
