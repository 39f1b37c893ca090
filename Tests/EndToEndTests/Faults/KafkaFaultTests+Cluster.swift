import Foundation
import Testing

/// Kafka's servers freeze, die, and take their leaders and coordinators with them.
extension KafkaFaultTests {
    @Test("8: Kafka freezes", .enabled(if: GivenCluster.isControlled, GivenCluster.controlNote))
    func frozen() async throws {
        try await away("frozen", by: "pause", until: "resume")
    }

    @Test("8: Kafka is killed and started again", .enabled(if: GivenCluster.isControlled, GivenCluster.controlNote))
    func killed() async throws {
        try await away("killed", by: "kill", until: "restart")
    }

    /// Takes the whole cluster away under load, and measures how soon there is traffic when it is back.
    private func away(_ name: String, by end: String, until start: String) async throws {
        let length = FaultTable.choose(short: Duration.seconds(8), long: .seconds(30))
        try await Site.withPaths(["one", "two"], onKafka: true) { site in
            let (load, kept) = (Load(site, "calls"), Load(site, "kept"))
            async let stream: Void = load.stream(20, every: .milliseconds(20), Self.order)
            async let durable: Void = kept.stream(
                6, every: .milliseconds(20), .init(work: .milliseconds(50), deadline: .seconds(120), isDurable: true))
            try await waitUntil("both work", within: .seconds(10)) { site.bothWork }
            try await Task.sleep(for: .seconds(1))
            let pids = [try #require(site.tenant?.pid), try #require(site.connectors["one"]?.pid)]
            let before = pids.map { ProcessFigures(of: $0)?.memory ?? 0 }
            var most = before
            try await GivenCluster.orderAll(end, in: site.folder)
            let gone = ContinuousClock.now
            while ContinuousClock.now < gone + length {
                most = zip(most, pids).map { max($0, ProcessFigures(of: $1)?.memory ?? 0) }
                try await Task.sleep(for: .milliseconds(100))
            }
            let begun = ContinuousClock.now
            async let starting: Void = GivenCluster.orderAll(start, in: site.folder)
            // One that is woken up listened all the time.
            if start != "resume" { try await GivenCluster.waitUntilOpen() }
            let ready = start == "resume" ? begun : ContinuousClock.now
            try await waitUntil("there is traffic", within: .seconds(20)) {
                load.traces.contains { $0.verdict == .answered && $0.ended > gone + length }
            }
            try await starting
            try await Task.sleep(for: .seconds(8))
            most = zip(most, pids).map { max($0, ProcessFigures(of: $1)?.memory ?? 0) }
            load.stop()
            kept.stop()
            await stream
            await durable
            let (calls, submissions) = (load.traces, kept.traces)
            let executions = site.service.executions
            let first = calls.filter { $0.verdict == .answered && $0.ended > gone + length }.map(\.ended).min() ?? .now
            let back = max(.zero, first - ready)
            let fresh = calls.filter { $0.verdict == .answered && $0.sent > ready }
            let steady = fresh.map(\.ended).min() ?? .now
            #expect(back <= .seconds(1), "traffic was back after \(back)")
            expectAll(submissions, "answered, or once") { $0.kind == .once || $0.verdict == .answered }
            expectAll(submissions, "acknowledged, and answered or unknown") {
                $0.acknowledgedAs != nil && ($0.verdict == .answered || $0.verdict == .unknown)
            }
            expectAll(calls, "told the truth") {
                $0.kind != .once || !$0.isRefused || executions[$0.path] == nil
            }
            let grown = zip(most, before).map { $0 - $1 }
            #expect(grown[0] < 96 << 20, "the tenant grew by \(grown[0] >> 20) MiB")
            #expect(grown[1] < 48 << 20, "the connector grew by \(grown[1] >> 20) MiB")
            var row = FaultRow(
                "8", "Kafka \(name) for \(length.milliseconds / 1000) s", calls + submissions, at: site.service)
            row.note =
                "first answer \(back.milliseconds) ms after Kafka was back, first of a call sent since then"
                + " \((steady - ready).milliseconds) ms; tenant +\(grown[0] >> 20) MiB, connector +\(grown[1] >> 20) MiB;"
                + " all \(submissions.count) submissions ended"
            row.report(calls + submissions, at: site.service)
        }
    }

    @Test(
        "8: tenant and connectors are started while Kafka is away",
        .enabled(if: GivenCluster.isControlled, GivenCluster.controlNote))
    func startedBefore() async throws {
        try await Site.withPaths(["one", "two"], onKafka: true) { site in
            try await GivenCluster.orderAll("kill", in: site.folder)
            await site.killTenant()
            for name in ["one", "two"] { await site.end(name, by: SIGKILL) }
            try await site.serve()
            for name in ["one", "two"] { try site.start(name) }
            // Longer than any of their questions to Kafka may take.
            try await Task.sleep(for: .seconds(FaultTable.choose(short: 8, long: 20)))
            // Who is told to end meanwhile does.
            await site.end("two")
            async let starting: Void = GivenCluster.orderAll("restart", in: site.folder)
            try await GivenCluster.waitUntilOpen()
            let ready = ContinuousClock.now
            try await site.waitUntilOnline(1, within: .seconds(60))
            let load = Load(site, "after")
            let traces = await load.burst(12)
            let back = ContinuousClock.now - ready
            try await starting
            expectAll(traces, "answered") { $0.verdict == .answered }
            try await site.expectUnharmed()
            var row = FaultRow("8", "tenant and connectors started while Kafka is away", traces, at: site.service)
            row.note = "at work \(back.milliseconds) ms after Kafka was there"
            row.report(traces, at: site.service)
        }
    }

    @Test(
        "9, 11: servers of three die in turn, and leaders and coordinators move",
        .enabled(
            if: GivenCluster.isControlled && GivenCluster.ports.count >= 3,
            "POSTERN_TEST_KAFKA and POSTERN_TEST_KAFKA_CONTROL name no cluster of three servers"))
    func leadersMove() async throws {
        try await Site.withPaths(["one", "two"], onKafka: true) { site in
            let load = Load(site, "leaders")
            async let stream: Void = load.stream(
                20, every: .milliseconds(20), .init(work: .milliseconds(50), deadline: .seconds(60)))
            try await waitUntil("both work", within: .seconds(20)) { site.bothWork }
            var spans: [ClosedRange<ContinuousClock.Instant>] = []
            for port in GivenCluster.ports {
                let killed = ContinuousClock.now
                try await GivenCluster.order("kill", port, in: site.folder)
                try await Task.sleep(for: .seconds(10))
                spans.append(killed...ContinuousClock.now)
                try await GivenCluster.order("restart", port, in: site.folder)
                try await Task.sleep(for: .seconds(5))
            }
            load.stop()
            await stream
            let traces = load.traces
            expectAll(traces, "answered") { $0.verdict == .answered }
            let worst = spans.map { span in
                traces.filter { $0.ended >= span.lowerBound && $0.sent <= span.upperBound }.worst.milliseconds
            }
            var row = FaultRow("9", "leaders and coordinators move (9 and 11)", traces, at: site.service)
            row.note = "worst waits with each of three servers killed: \(worst) ms"
            row.report(traces, at: site.service)
        }
    }
}
