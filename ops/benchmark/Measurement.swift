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
    /// The times of each, in order.
    var times: [Duration]

    /// Makes exchanges for the given time, `inFlight` at a time, and measures them.
    static func run(
        inFlight: Int, lasting duration: Duration, exchange: @escaping @Sendable () async -> Bool
    ) async -> Measurement {
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
            elapsed: .now - begun, times: times)
    }

    private func percentile(_ share: Double) -> Double {
        guard !times.isEmpty else { return 0 }
        return times[min(times.count - 1, Int(Double(times.count) * share))] / .microseconds(1)
    }

    /// A row of the table that `ops/bench` prints.
    func row(_ name: String) -> String {
        let rate = Double(count) / (elapsed / .seconds(1))
        return
            "| \(name) | \(inFlight) | \(Int(rate)) | \(Int(percentile(0.5))) | \(Int(percentile(0.99))) | \(failures) |"
    }

    /// The heading of that table.
    static let heading = """
        | path | in flight | calls/s | p50 µs | p99 µs | failed |
        | --- | --- | --- | --- | --- | --- |
        """
}
