import Foundation
import Testing

@Suite("The relay against every kind of bad luck", .serialized, .timeLimit(.minutes(60)))
struct RelayModelTests {
    /// How many schedules each of the test's parts plays; `POSTERN_MODEL_SCHEDULES` asks for more.
    private static let schedules = Int(ProcessInfo.processInfo.environment["POSTERN_MODEL_SCHEDULES"] ?? "") ?? 100
    /// One schedule to be played alone, from `POSTERN_MODEL_SEED`.
    private static let only = UInt64(ProcessInfo.processInfo.environment["POSTERN_MODEL_SEED"] ?? "")

    @Test(
        "once runs at most once, nothing safe is lost, each request has one end, and the end is true",
        arguments: 0..<UInt64(8))
    func schedules(part: UInt64) async {
        if let seed = Self.only { return part == 0 ? await play(seed) : () }
        let first = part * UInt64(Self.schedules) + 1
        for seed in first..<first + UInt64(Self.schedules) { await play(seed) }
    }

    @Test(
        "so with schedules that nobody has seen before, where more are asked for",
        .enabled(if: ProcessInfo.processInfo.environment["POSTERN_MODEL_SCHEDULES"] != nil))
    func freshSchedules() async {
        guard Self.only == nil else { return }
        for _ in 0..<Self.schedules { await play(UInt64.random(in: 1_000_000...UInt64.max)) }
    }

    private func play(_ seed: UInt64) async {
        // Whoever waits in another test goes first.
        await Task.yield()
        let model = RelayModel(seed: seed, isTraced: Self.only != nil)
        model.run()
        for violation in model.violations {
            Issue.record("seed \(seed): \(violation)")
        }
    }
}
