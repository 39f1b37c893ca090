import Foundation
import NIOCore
import Testing

/// Long work, too much work, and a wrong clock.
extension FaultTests {
    @Test("14: one long request among fast ones, and a backlog of honest work")
    func longAndFast() async throws {
        let length = FaultTable.choose(short: Duration.seconds(4), long: .seconds(300))
        try await Site.withPaths(["one", "two"], .init(inFlight: 4)) { site in
            let long = Load(site, "long")
            let fast = Load(site, "fast")
            let backlog = Load(site, "backlog")
            async let slow = long.send(.safe, .init(work: length, deadline: length + .seconds(60)))
            try await waitUntil("it runs", within: .seconds(10)) { site.service.running == 1 }
            async let stream: Void = fast.stream(3, every: .milliseconds(5), .init(work: .milliseconds(5)))
            try await Task.sleep(for: length - .seconds(1))
            fast.stop()
            await stream
            let trace = await slow
            // Seven at a time and more than two hundred that wait: nobody's absence, and no reason to send any of it again.
            let waiting = await backlog.burst(
                200, .init(work: .milliseconds(100), deadline: .seconds(60)))
            #expect(trace.verdict == .answered)
            expectAll(fast.traces, "answered within a second") { $0.verdict == .answered && $0.wait < .seconds(1) }
            expectAll(waiting, "answered by the first attempt") { $0.verdict == .answered && $0.attempt == 1 }
            let traces = [trace] + fast.traces + waiting
            var row = FaultRow(
                "14", "one request of \(length.milliseconds / 1000) s among fast ones", traces, at: site.service)
            #expect(row.duplicates.safe + row.duplicates.keyed == 0)
            let worst = fast.traces.map(\.wait).max() ?? .zero
            row.worstWait = worst.milliseconds
            row.note = "worst wait is that of the fast ones; 200 that queued for 8 places ran once each"
            row.report(traces, at: site.service)
        }
    }

    @Test("15: a service that does not answer, and callers that go on")
    func stalledService() async throws {
        try await Site.withPaths(["one"], .init(inFlight: 16)) { site in
            let load = Load(site, "stalled")
            await load.burst(30)
            let tenant = try #require(site.tenant?.pid)
            let connector = try #require(site.connectors["one"]?.pid)
            let before = [ProcessFigures(of: tenant)?.memory ?? 0, ProcessFigures(of: connector)?.memory ?? 0]
            let order = Load.Order(
                deadline: FaultTable.choose(short: .seconds(15), long: .seconds(60)),
                body: String(repeating: "x", count: 250_000), query: "&hold=gate")
            async let stream: Void = load.stream(450, every: .milliseconds(100), order)
            var most = before
            // On from the first refusal for a while; nobody is refused before the bounds are reached.
            var end = ContinuousClock.now + order.deadline
            var isFull = false
            while ContinuousClock.now < end {
                most[0] = max(most[0], ProcessFigures(of: tenant)?.memory ?? 0)
                most[1] = max(most[1], ProcessFigures(of: connector)?.memory ?? 0)
                try await Task.sleep(for: .milliseconds(100))
                if !isFull, load.traces.contains(where: { $0.status == 429 }) {
                    isFull = true
                    end = ContinuousClock.now + FaultTable.choose(short: .seconds(3), long: .seconds(30))
                }
            }
            site.service.openGate()
            load.stop()
            await stream
            let refused = load.traces.filter { $0.verdict == .refused("overloaded") }
            #expect(!refused.isEmpty, "nobody was told that it is too much")
            expectAll(refused, "refused with 429") { $0.status == 429 }
            let grown = [most[0] - before[0], most[1] - before[1]]
            #expect(grown[0] < 640 << 20, "the tenant grew by \(grown[0] >> 20) MiB")
            #expect(grown[1] < 96 << 20, "the connector grew by \(grown[1] >> 20) MiB")
            // It recovers by itself.
            try await waitUntil("calls are answered again", within: .seconds(10)) {
                await load.send(.safe, .init(deadline: .seconds(2))).verdict == .answered
            }
            let after = await load.burst(30)
            expectAll(after, "answered") { $0.verdict == .answered }
            try await site.expectUnharmed()
            var row = FaultRow("15", "service stalled, 450 callers go on", load.traces, at: site.service)
            row.worstWait = refused.map(\.wait).max()?.milliseconds ?? 0
            row.note =
                "tenant +\(grown[0] >> 20) MiB, connector +\(grown[1] >> 20) MiB; \(refused.count) were told 429, whose worst wait this is"
            row.report(load.traces, at: site.service)
        }
    }

    @Test("19: connectors whose clocks are five minutes off")
    func clocksOff() async throws {
        try await Site.withPaths([]) { site in
            try await site.makeClockLibrary()
            try await site.addBehindPath("ahead", .init(clock: 300))
            try await site.addBehindPath("behind", .init(clock: -300))
            try await site.waitUntilOnline(2)
            let load = Load(site, "clock")
            // Nothing expires early: deadlines far shorter than the error.
            let traces = await load.burst(120, .init(work: .milliseconds(100), deadline: .seconds(3)))
            expectAll(traces, "answered") { $0.verdict == .answered }
            let connectors = Set(site.service.records.values.joined().compactMap(\.connector))
            #expect(connectors == ["ahead", "behind"])
            // Nothing runs late: what was handed to a frozen connector is over when it wakes up.
            for name in ["ahead", "behind"] { try await site.freeze(name) }
            let missed = await load.burst(30, .init(deadline: .seconds(1)))
            for name in ["ahead", "behind"] { site.connectors[name]?.signal(SIGCONT) }
            try await site.waitUntilOnline(2)
            try await Task.sleep(for: .seconds(1))
            let executions = site.service.executions
            expectAll(missed, "left undone") { $0.verdict != .answered && executions[$0.path] == nil }
            let log = (site.connectors["ahead"]?.errors ?? "") + (site.connectors["behind"]?.errors ?? "")
            #expect(log.contains("clock"), "nobody was told that the clock is wrong")
            var row = FaultRow("19", "clocks of connectors ±5 min", traces + missed, at: site.service)
            row.note = "30 of them were due while both were frozen, and never ran"
            row.report(traces + missed, at: site.service)
        }
    }
}
