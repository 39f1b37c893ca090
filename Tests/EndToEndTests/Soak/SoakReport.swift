/// What came out of a soak, as a table for people.
struct SoakReport {
    var seed: UInt64
    var traces: [RequestTrace]
    var nuisance: Nuisance
    var before: SoakFigures
    var after: SoakFigures

    func printTable(executions: [String: Int]) {
        print("\nSoak, seed \(seed)")
        print("| class | sent | executed | answered | refused | unknown | cut off | run again | worst wait |")
        print("|-------|------|----------|----------|---------|---------|---------|-----------|------------|")
        for kind in RequestTrace.Kind.allCases {
            let own = traces.filter { $0.kind == kind }
            let times = own.map { executions[$0.path, default: 0] }
            let cells: [String] = [
                kind.rawValue, "\(own.count)", "\(times.filter { $0 > 0 }.count)",
                "\(own.filter { $0.verdict == .answered }.count)", "\(own.filter(\.isRefused).count)",
                "\(own.filter { $0.verdict == .unknown }.count)", "\(own.filter { $0.verdict == .cutOff }.count)",
                "\(times.map { max(0, $0 - 1) }.reduce(0, +))", "\(own.map(\.wait).max()?.milliseconds ?? 0) ms",
            ]
            print("| " + cells.joined(separator: " | ") + " |")
        }
        let done = Nuisance.Kind.allCases.map { "\($0.rawValue) \(nuisance.counts[$0] ?? 0)" }
        print("Done to them: " + done.joined(separator: " · "))
        for (name, figures) in after.processes.sorted(by: { $0.key < $1.key }) {
            print("\(name): \(before.processes[name].map(String.init(describing:)) ?? "?") → \(figures)")
        }
    }
}
