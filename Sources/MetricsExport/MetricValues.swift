internal import Metrics
internal import Synchronization

/// What only grows.
final class CountedValue: CounterHandler, FloatingPointCounterHandler {
    private let content = Mutex(0.0)

    var sum: Double { content.withLock { $0 } }

    func increment(by amount: Int64) { increment(by: Double(amount)) }
    func increment(by amount: Double) { content.withLock { $0 += max(0, amount) } }
    func reset() { content.withLock { $0 = 0 } }
}

/// What was said last; nil before anything was.
final class PresentValue: MeterHandler, RecorderHandler {
    private let content = Mutex<Double?>(nil)

    var present: Double? { content.withLock { $0 } }

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { content.withLock { $0 = value } }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }
    func increment(by amount: Double) { content.withLock { $0 = ($0 ?? 0) + amount } }
    func decrement(by amount: Double) { increment(by: -amount) }
}

/// How what was said is spread; times are in seconds.
final class SpreadValue: RecorderHandler, TimerHandler {
    struct Content: Sendable {
        /// How many values were at most as large as each bound.
        var counts = [UInt64](repeating: 0, count: SpreadValue.bounds.count)
        var count: UInt64 = 0
        var sum = 0.0
    }

    /// The upper bounds: from a millisecond to a minute, where times of requests and flushes lie.
    static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

    private let state = Mutex(Content())

    var content: Content { state.withLock { $0 } }

    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) {
        state.withLock { content in
            content.count += 1
            content.sum += value
            for (index, bound) in Self.bounds.enumerated() where value <= bound { content.counts[index] += 1 }
        }
    }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    func preferDisplayUnit(_ unit: TimeUnit) {}
}
