import Foundation
import Testing

/// Connectors that die, leave, freeze, or are not there.
extension FaultTests {
    @Test("1: a connector is killed with requests in it")
    func connectorKilled() async throws {
        try await Site.withPaths(["one", "two"]) { site in
            let load = Load(site, "killed")
            async let burst = load.burst(60, .init(work: .milliseconds(1500)))
            try await waitUntil("all run", within: .seconds(10)) { site.service.running == 60 }
            let killed = ContinuousClock.now
            site.connectors["one"]?.signal(SIGKILL)
            let traces = await burst
            let records = site.service.records
            let first = records.compactMapValues(\.first?.connector)
            expectAll(traces, "as their class promises") { trace in
                let isLost = first[trace.path] == "one"
                return trace.verdict == (isLost && trace.kind == .once ? .unknown : .answered)
                    && records[trace.path]?.count == (isLost && trace.kind != .once ? 2 : 1)
            }
            let failover =
                traces.flatMap { (records[$0.path] ?? []).dropFirst() }.map { $0.begun - killed }.max() ?? .zero
            #expect(failover > .zero, "the killed connector had nothing")
            // On Kafka nobody sees a link close: silence has to tell.
            #expect(failover <= (FaultTable.isOnKafka ? .milliseconds(2500) : .seconds(1)), "failover took \(failover)")
            var row = FaultRow("1", "connector killed", traces, at: site.service)
            #expect(row.unknown > 0, "the killed connector had nothing of the class once")
            row.note = "last request taken over \(failover.milliseconds) ms after the kill"
            row.report(traces, at: site.service)
        }
    }

    @Test("2: a connector is told to stop under load")
    func connectorTerminated() async throws {
        try await Site.withPaths(["one", "two"]) { site in
            let load = Load(site, "terminated")
            async let stream: Void = load.stream(30, every: .milliseconds(10), .init(work: .milliseconds(200)))
            try await waitUntil("both work", within: .seconds(10)) {
                Set(site.service.records.values.joined().compactMap(\.connector)).count == 2
            }
            let told = ContinuousClock.now
            site.connectors["one"]?.signal(SIGTERM)
            let status = await site.connectors["one"]?.wait().status
            let ending = ContinuousClock.now - told
            try await Task.sleep(for: .seconds(2))
            load.stop()
            await stream
            let traces = load.traces
            expectAll(traces, "answered") { $0.verdict == .answered }
            var row = FaultRow("2", "connector told to stop", traces, at: site.service)
            #expect(row.duplicates.safe + row.duplicates.keyed == 0, "a hand-over ran something twice")
            #expect(row.worstWait < 2000)
            #expect(status == 0 || status == 11)
            row.note = "ended \(ending.milliseconds) ms after the signal"
            row.report(traces, at: site.service)
        }
    }

    @Test("3: a connector freezes and wakes up")
    func connectorFrozen() async throws {
        let frozen = FaultTable.choose(short: Duration.seconds(6), long: .seconds(20))
        try await Site.withPaths(["one", "two"]) { site in
            let load = Load(site, "frozen")
            // Answers are due before the connector wakes up: what it then still holds is late.
            let order = Load.Order(work: .milliseconds(300), deadline: frozen - .seconds(1))
            async let stream: Void = load.stream(30, every: .milliseconds(10), order)
            try await waitUntil("the one that will freeze has some", within: .seconds(10)) {
                site.service.records.values.joined().count { $0.connector == "one" && $0.ended == nil } >= 5
            }
            try await site.freeze("one")
            let stopped = ContinuousClock.now
            try await Task.sleep(for: frozen)
            site.connectors["one"]?.signal(SIGCONT)
            let woken = ContinuousClock.now
            try await Task.sleep(for: .seconds(2))
            load.stop()
            await stream
            let traces = load.traces
            let records = site.service.records
            expectAll(traces, "left alone once there is a definite answer, or the deadline has passed") { trace in
                (records[trace.path] ?? []).allSatisfy { run in
                    let isLate = run.begun > trace.sent + order.deadline && trace.sent > stopped
                    let isUnknownOne = trace.kind == .once && run.begun > trace.ended && trace.verdict != .unknown
                    return !isLate && !isUnknownOne
                }
            }
            // A request that was between connector and service at the stop is out of reach: no check comes after it. Of
            // thirty at a time that are few, mostly of the class that is written down before it starts.
            let between = traces.filter { trace in
                (records[trace.path] ?? []).contains { $0.begun > trace.sent + order.deadline }
            }
            #expect(between.count <= 10, "\(between.map(\.path))")
            expectAll(traces, "answered, or once") { $0.kind == .once || $0.verdict == .answered }
            let moved =
                traces.filter { $0.sent > stopped && $0.sent < woken && $0.verdict == .answered }.map(\.wait).max()
                ?? .zero
            #expect(moved <= .seconds(5), "a request waited \(moved) for the frozen connector")
            try await site.waitUntilOnline(2)
            var row = FaultRow("3", "connector frozen for \(frozen.milliseconds / 1000) s", traces, at: site.service)
            row.note =
                "longest wait of a request that came in the freeze \(moved.milliseconds) ms; \(between.count) were between"
                + " connector and service when it froze"
            row.report(traces, at: site.service)
        }
    }

    @Test("4: no connector is there; what expires never runs later")
    func noConnectors() async throws {
        try await Site.withPaths(["one", "two"]) { site in
            let load = Load(site, "nobody")
            await load.burst(6)
            for name in ["one", "two"] { site.connectors[name]?.signal(SIGKILL) }
            let early = await load.burst(30, .init(deadline: .seconds(1)))
            for name in ["one", "two"] { _ = await site.connectors[name]?.wait() }
            try await waitUntil("both count as lost", within: .seconds(10)) {
                await load.send(.safe, .init(deadline: .seconds(1))).verdict == .refused("no_connector")
            }
            let late = await load.burst(30, .init(deadline: .seconds(5)))
            expectAll(late, "refused at once") {
                $0.verdict == .refused("no_connector") && $0.wait < .milliseconds(500)
            }
            for name in ["one", "two"] { try site.start(name) }
            try await site.waitUntilOnline(2)
            #expect(await load.send(.safe).verdict == .answered)
            try await Task.sleep(for: .seconds(1))
            let traces = early + late
            let executions = site.service.executions
            expectAll(traces, "left undone") { $0.verdict != .answered && executions[$0.path] == nil }
            var row = FaultRow("4", "no connector is there", traces, at: site.service)
            row.note = "refused within \(late.map(\.wait).max()?.milliseconds ?? 0) ms once they count as lost"
            row.report(traces, at: site.service)
        }
    }

    @Test("12: members come and go every two seconds with a hundred requests in flight")
    func membersChange() async throws {
        try await Site.withPaths(["one", "two", "three"]) { site in
            let load = Load(site, "changing")
            let long = Load(site, "long")
            let end = ContinuousClock.now + FaultTable.choose(short: .seconds(7), long: .seconds(60))
            async let stream: Void = load.stream(100, .init(work: .milliseconds(400)))
            async let slow = long.burst(6, of: [.safe], .init(work: .seconds(5)))
            var changes = 0
            var name = "two"
            while ContinuousClock.now < end {
                let next = ContinuousClock.now + .seconds(2)
                if changes % 2 == 0 {
                    site.connectors[name]?.signal(SIGTERM)
                } else {
                    _ = await site.connectors[name]?.wait()
                    try site.start(name)
                    name = name == "two" ? "three" : "two"
                }
                changes += 1
                try await Task.sleep(until: next, clock: .continuous)
            }
            load.stop()
            await stream
            let traces = load.traces + (await slow)
            expectAll(traces, "answered") { $0.verdict == .answered }
            var row = FaultRow("12", "members come and go", traces, at: site.service)
            let executions = site.service.executions
            expectAll(long.traces, "run once") { executions[$0.path] == 1 }
            row.note = "\(changes) changes; six requests of 5 s ran once each"
            row.report(traces, at: site.service)
        }
    }

    @Test("4: what is submitted while no connector is there waits, or ends in time")
    func parked() async throws {
        try await Site.withPaths(["one"]) { site in
            let load = Load(site, "parked")
            await site.end("one", by: SIGKILL)
            try await site.waitUntilOnline(0)
            let short = Load.Order(deadline: .seconds(60), isDurable: true, parking: .seconds(2))
            let long = Load.Order(deadline: .seconds(60), isDurable: true)
            async let expiring = load.burst(15, short)
            async let waiting = load.burst(15, long)
            let expired = await expiring
            try site.start("one")
            let parked = await waiting
            let executions = site.service.executions
            expectAll(expired, "refused and never run") { $0.isRefused && executions[$0.path] == nil }
            expectAll(parked, "answered and run once") { $0.verdict == .answered && executions[$0.path] == 1 }
            var row = FaultRow("4", "no connector is there, submissions", expired + parked, at: site.service)
            row.note = "15 were to wait for 2 s alone; the wait of the others is the connector's absence"
            row.report(expired + parked, at: site.service)
        }
    }

    @Test("13: a request that kills each connector that runs it")
    func poison() async throws {
        try await Site.withPaths(["one", "two", "three"]) { site in
            let load = Load(site, "innocent")
            let poisoner = Load(site, "poison")
            async let stream: Void = load.stream(8, every: .milliseconds(20), .init(work: .milliseconds(150)))
            async let durable: Void = load.stream(
                4, of: [.keyed], every: .milliseconds(20), .init(work: .milliseconds(150), isDurable: true))
            async let poison = poisoner.send(
                .keyed, .init(deadline: .seconds(120), query: "&hold=gate", isDurable: true))
            let path = "/open/poison-keyed-0"
            var deaths = 0
            let end = ContinuousClock.now + .seconds(60)
            while deaths < 5, ContinuousClock.now < end {
                let runs = site.service.records[path] ?? []
                if runs.count > deaths, let name = runs.last?.connector {
                    await site.end(name, by: SIGKILL)
                    try site.start(name)
                    deaths += 1
                }
                try await Task.sleep(for: .milliseconds(20))
            }
            let trace = await poison
            #expect(trace.verdict == .refused("dead_letter"), "\(trace)")
            #expect(site.service.executions[path] == 5)
            try await site.waitUntilOnline(3)
            load.stop()
            await stream
            await durable
            expectAll(load.traces, "answered, or once") { $0.kind == .once || $0.verdict == .answered }
            // The cause is mended, the request is let go again.
            site.service.openGate()
            let id = try #require(trace.acknowledgedAs)
            let redriven = try await site.ctl(["requests", "redrive", id])
            #expect(redriven.status == 0, "\(redriven.errors)")
            let again = await Submitter(site: site).submit(
                path, .keyed, .init(deadline: .seconds(120), query: "&hold=gate", isDurable: true))
            #expect(again.verdict == .answered && again.acknowledgedAs == id, "\(again)")
            var row = FaultRow("13", "poison request among innocents", load.traces + [trace], at: site.service)
            row.note = "dead letter after it ended five connectors; answered once redriven"
            row.worstWait = load.traces.map(\.wait).max()?.milliseconds ?? 0
            row.report(load.traces, at: site.service)
        }
    }
}
