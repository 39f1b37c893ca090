/// What a number of exchanges, a number of them at a time, took.
struct Measurement {
    /// How many were under way at a time.
    var inFlight: Int
    /// How many were made.
    var count: Int
    /// How many failed.
    var failures: Int
    /// How long all took.
    var elapsed: Duration
    /// For how long cores were busy with all of them.
    var processorTime: Duration
    /// The times of each, in order.
    var times: [Duration]

    /// Makes exchanges for the given time, `inFlight` at a time, and measures them.
    ///
    /// - Parameter processorTime: how long cores have been busy so far with whatever takes part in them.
    static func run(
        inFlight: Int, lasting duration: Duration, processorTime: () -> Duration = { ProcessorTime.own },
        exchange: @escaping @Sendable () async -> Bool
    ) async -> Measurement {
        let before = processorTime()
        let begun = ContinuousClock.now
        let end = begun + duration
        let lanes = await withTaskGroup(of: (times: [Duration], failures: Int).self) { group in
            for _ in 0..<inFlight {
                group.addTask {
                    var times: [Duration] = []
                    var failures = 0
                    var start = ContinuousClock.now
                    while start < end {
                        if await !exchange() { failures += 1 }
                        let now = ContinuousClock.now
                        times.append(now - start)
                        start = now
                    }
                    return (times, failures)
                }
            }
            var all: [(times: [Duration], failures: Int)] = []
            for await lane in group { all.append(lane) }
            return all
        }
        let times = lanes.flatMap(\.times).sorted()
        return Measurement(
            inFlight: inFlight, count: times.count, failures: lanes.map(\.failures).reduce(0, +),
            elapsed: .now - begun, processorTime: processorTime() - before, times: times)
    }

    private func percentile(_ share: Double) -> Double {
        guard !times.isEmpty else { return 0 }
        return times[min(times.count - 1, Int(Double(times.count) * share))] / .microseconds(1)
    }

    /// A row of the table that `ops/bench` prints.
    func row(_ name: String) -> String {
        let rate = Int(Double(count) / (elapsed / .seconds(1)))
        let (middle, late) = (Int(percentile(0.5)), Int(percentile(0.99)))
        let cost = (processorTime / .microseconds(1) / Double(max(1, count)) * 10).rounded() / 10
        return "| \(name) | \(inFlight) | \(rate) | \(middle) | \(late) | \(cost) | \(failures) |"
    }

    /// The heading of that table.
    static let heading = """
        | path | in flight | calls/s | p50 µs | p99 µs | processor µs | failed |
        | --- | --- | --- | --- | --- | --- | --- |
        """
}
