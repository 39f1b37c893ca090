public import Metrics
internal import Synchronization

/// All metrics of a process, kept in memory until somebody reads them.
///
/// It is what `MetricsSystem` is told to make metrics with. Two handles of one name and the same labels are one metric.
/// There are at most `mostSeries`; what comes beyond is counted and not kept.
public final class MetricsRegistry: MetricsFactory, Sendable {
    /// A metric by its name and its labels.
    struct Key: Hashable, Comparable {
        let name: String
        /// As they stand between braces; empty where there are none.
        let labels: String

        static func < (left: Key, right: Key) -> Bool { (left.name, left.labels) < (right.name, right.labels) }
    }

    private static let mostSeries = 10_000

    private struct State {
        var counts: [Key: CountedValue] = [:]
        var values: [Key: PresentValue] = [:]
        var spreads: [Key: SpreadValue] = [:]
        var refused = 0

        var series: Int { counts.count + values.count + spreads.count }
    }

    private let state = Mutex(State())

    /// Makes an empty registry.
    public init() {}

    /// Everything, in Prometheus' text format 0.0.4.
    public var text: String {
        let (counts, values, spreads, refused) = state.withLock { ($0.counts, $0.values, $0.spreads, $0.refused) }
        var text = PrometheusText()
        for (key, count) in counts { text.add(key, count.sum, as: .counter) }
        for (key, value) in values { value.present.map { text.add(key, $0, as: .gauge) } }
        for (key, spread) in spreads { text.add(key, spread.content) }
        if refused > 0 {
            text.add(Key(name: "postern_metrics_refused_total", labels: ""), Double(refused), as: .counter)
        }
        return text.lines
    }

    // MARK: MetricsFactory

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        keep(label, dimensions, in: \.counts) { CountedValue() }
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        keep(label, dimensions, in: \.counts) { CountedValue() }
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        keep(label, dimensions, in: \.values) { PresentValue() }
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return keep(label, dimensions, in: \.values) { PresentValue() } }
        return keep(label, dimensions, in: \.spreads) { SpreadValue() }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        keep(label, dimensions, in: \.spreads) { SpreadValue() }
    }

    // What a metric has counted is not forgotten with its last handle: the next one of the same name goes on.
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}

    private func keep<Value>(
        _ label: String, _ dimensions: [(String, String)], in kept: any WritableKeyPath<State, [Key: Value]> & Sendable,
        _ make: () -> Value
    ) -> Value {
        let key = Key(name: PrometheusText.name(label), labels: PrometheusText.labels(dimensions))
        return state.withLock { state in
            if let known = state[keyPath: kept][key] { return known }
            let value = make()
            guard state.series < Self.mostSeries else {
                state.refused += 1
                return value
            }
            state[keyPath: kept][key] = value
            return value
        }
    }
}
