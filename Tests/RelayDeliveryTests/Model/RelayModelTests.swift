import Testing

@Suite("The relay against every kind of bad luck", .serialized, .timeLimit(.minutes(2)))
struct RelayModelTests {
    /// How many schedules each of the test's parts plays.
    private static let schedules = 400

    @Test(
        "each request has one answer, nothing that must not run twice does, nothing safe is lost",
        arguments: 0..<UInt64(8))
    func schedules(part: UInt64) async {
        let first = part * UInt64(Self.schedules) + 1
        for seed in first..<first + UInt64(Self.schedules) { await play(seed) }
    }

    @Test("so with schedules that nobody has seen before")
    func freshSchedules() async {
        for _ in 0..<200 { await play(UInt64.random(in: 1_000_000...UInt64.max)) }
    }

    private func play(_ seed: UInt64) async {
        // Whoever waits in another test goes first.
        await Task.yield()
        let model = RelayModel(seed: seed)
        model.run()
        for violation in model.violations {
            Issue.record("seed \(seed): \(violation)")
        }
    }
}
