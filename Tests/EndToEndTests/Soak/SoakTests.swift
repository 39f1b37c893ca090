import Foundation
import LinkFaults
import Testing

/// All classes under load while processes are killed, frozen and restarted and links are spoiled, drawn from a seed.
///
/// `ops/soak MINUTES --seed N` runs it for long; with all other tests it lasts a third of a minute, of always the same seed.
@Suite("Soak", .serialized, .timeLimit(.minutes(1500)))
struct SoakTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let length = Duration.seconds(
        60 * (environment["POSTERN_SOAK_MINUTES"].flatMap { Double($0) } ?? 1.0 / 3))
    private static let seed = environment["POSTERN_SOAK_SEED"].flatMap { UInt64($0) } ?? 2026
    private static let names = ["one", "two", "three"]

    @Test("no safe or keyed request is lost, nothing of the class once runs twice, and no process grows")
    func soak() async throws {
        print("Soak of \(Self.length.milliseconds / 1000) s, seed \(Self.seed)")
        try await Site.withPaths(Self.names) { site in
            let load = Load(site, "soak", repeats: true)
            let order = Load.Order(work: .milliseconds(60), deadline: .seconds(30))
            var submitted = order
            submitted.isDurable = true
            submitted.deadline = .seconds(90)
            async let stream: Void = load.stream(20, every: .milliseconds(60), order)
            async let submissions: Void = load.stream(10, every: .milliseconds(60), submitted)
            try await Task.sleep(for: .seconds(3))
            let before = try await SoakFigures.sample(site)

            var nuisance = Nuisance(seed: Self.seed, connectors: Self.names)
            let end = ContinuousClock.now + Self.length
            while ContinuousClock.now < end { try await nuisance.next(to: site) }

            for path in site.paths.values { path.heal() }
            try await site.waitUntilOnline(Self.names.count, within: .seconds(30))
            try await Task.sleep(for: .seconds(3))
            let after = try await SoakFigures.sample(site)
            load.stop()
            await stream
            await submissions
            try await waitUntil("the service has ended all", within: .seconds(30)) { site.service.running == 0 }
            try await site.expectDatabasesWhole()

            SoakReport(seed: Self.seed, traces: load.traces, nuisance: nuisance, before: before, after: after)
                .printTable(executions: site.service.executions)
            let executions = site.service.executions
            expectAll(load.traces, "run at most once where they are of the class once") {
                $0.kind != .once || executions[$0.path, default: 0] <= 1
            }
            expectAll(load.traces, "left undone where once was refused") {
                $0.kind != .once || !$0.isRefused || executions[$0.path] == nil
            }
            expectAll(load.traces, "answered where they are safe or keyed") {
                $0.kind == .once || $0.verdict == .answered
            }
            expectAll(load.traces, "run where they were answered") {
                $0.verdict != .answered || executions[$0.path, default: 0] > 0
            }
            for (name, figures) in after.processes {
                let first = try #require(before.processes[name])
                #expect(figures.memory < first.memory + SoakFigures.memoryGrowth, "\(name): \(first) became \(figures)")
                #expect(
                    figures.descriptors < first.descriptors + SoakFigures.descriptorGrowth,
                    "\(name): \(first) became \(figures)")
                #expect(
                    figures.threads < first.threads + SoakFigures.threadGrowth, "\(name): \(first) became \(figures)")
            }
        }
    }
}
