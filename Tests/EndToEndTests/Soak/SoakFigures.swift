import Testing

/// What the processes of a site use under its steady load, at one time.
struct SoakFigures {
    /// How much resident memory a process may use more than at the start.
    static let memoryGrowth = 64 << 20
    /// How many descriptors more.
    static let descriptorGrowth = 48
    /// How many threads more.
    static let threadGrowth = 8

    var processes: [String: ProcessFigures] = [:]

    /// Takes the most of some readings over a second, under load.
    static func sample(_ site: Site) async throws -> SoakFigures {
        var figures = SoakFigures()
        for _ in 0..<10 {
            var pids = site.connectors.mapValues(\.pid)
            pids["tenant"] = site.tenant?.pid
            for (name, pid) in pids {
                let reading = try #require(ProcessFigures(of: pid), "\(name) has ended")
                let last = figures.processes[name] ?? reading
                figures.processes[name] = ProcessFigures(
                    memory: max(last.memory, reading.memory), descriptors: max(last.descriptors, reading.descriptors),
                    threads: max(last.threads, reading.threads))
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        return figures
    }
}
