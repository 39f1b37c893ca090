import Foundation
import Testing

/// A tenant that dies or is restarted: dispatcher, queue and ledger are in its process.
extension FaultTests {
    @Test("5: the dispatcher is killed with requests under way")
    func dispatcherKilled() async throws {
        try await Site.withPaths(["one", "two"]) { site in
            let load = Load(site, "crash")
            async let burst = load.burst(60, .init(work: .seconds(2)))
            try await waitUntil("all run", within: .seconds(10)) { site.service.running == 60 }
            let killed = ContinuousClock.now
            await site.killTenant()
            let traces = await burst
            expectAll(traces, "cut off at once") { $0.verdict == .cutOff && $0.ended - killed < .seconds(1) }
            try await site.serve()
            let ready = ContinuousClock.now
            try await site.waitUntilOnline(2)
            let back = ContinuousClock.now - ready
            let after = await load.burst(30)
            expectAll(after, "answered") { $0.verdict == .answered }
            // The old work has ended by now, and nothing of it has begun a second time.
            try await waitUntil("all has ended", within: .seconds(10)) { site.service.running == 0 }
            let executions = site.service.executions
            expectAll(traces, "run once") { executions[$0.path] == 1 }
            #expect(back <= .seconds(2), "the connectors came back after \(back)")
            var row = FaultRow("5", "dispatcher killed", traces + after, at: site.service)
            row.note = "connectors back \(back.milliseconds) ms after the port was ready"
            row.report(traces + after, at: site.service)
        }
    }

    @Test("6: the dispatcher is restarted; no new reply is lost")
    func dispatcherRestarted() async throws {
        try await Site.withPaths(["one", "two"]) { site in
            let load = Load(site, "restart")
            var late: [RequestTrace] = []
            for _ in 0..<FaultTable.choose(short: 2, long: 5) {
                async let burst = load.burst(30, .init(work: .milliseconds(800)))
                try await waitUntil("all run", within: .seconds(10)) { site.service.running == 30 }
                await site.killTenant()
                try await site.serve()
                // The connectors repeat their old replies while the first new requests are under way.
                try await site.waitUntilOnline(2)
                late += await load.burst(60, .init(work: .milliseconds(50)))
                _ = await burst
            }
            let executions = site.service.executions
            expectAll(late, "answered and run once") { $0.verdict == .answered && executions[$0.path] == 1 }
            try await site.expectUnharmed()
            var row = FaultRow("6", "dispatcher restarted", late, at: site.service)
            row.note = "requests sent after each restart, amid the replies to the old process"
            row.report(late, at: site.service)
        }
    }

    @Test("7: the tenant is killed again and again under load")
    func tenantKilled() async throws {
        try await Site.withPaths(["one", "two"]) { site in
            let load = Load(site, "power")
            async let stream: Void = load.stream(20, every: .milliseconds(20), .init(work: .milliseconds(30)))
            for _ in 0..<FaultTable.choose(short: 3, long: 12) {
                try await Task.sleep(for: .milliseconds(Int.random(in: 300...900)))
                await site.killTenant()
                try await site.expectDatabasesWhole()
                try await site.serve()
                try await site.waitUntilOnline(2)
            }
            load.stop()
            await stream
            let traces = load.traces
            let executions = site.service.executions
            expectAll(traces, "run at most once") { executions[$0.path, default: 0] <= 1 }
            let last = await load.send(.once)
            #expect(last.verdict == .answered)
            var row = FaultRow("7", "tenant killed under load", traces, at: site.service)
            row.note = "integrity_check ok after each of the kills"
            row.report(traces, at: site.service)
        }
    }

    @Test("5: the dispatcher is killed with submissions under way; a retry under the same key finds the result")
    func dispatcherKilledWithSubmissions() async throws {
        try await Site.withPaths(["one", "two"]) { site in
            let load = Load(site, "kept")
            let order = Load.Order(work: .seconds(2), isDurable: true)
            async let burst = load.burst(30, order)
            try await waitUntil("all run", within: .seconds(10)) { site.service.running == 30 }
            await site.killTenant()
            try await site.serve()
            let traces = await burst
            let executions = site.service.executions
            // Their holders lived on: the result is theirs, and nothing is run again.
            expectAll(traces, "answered and run once") { $0.verdict == .answered && executions[$0.path] == 1 }
            for trace in traces.prefix(3) {
                let again = await Submitter(site: site).submit(trace.path, trace.kind, order)
                #expect(again.acknowledgedAs == trace.acknowledgedAs && again.verdict == .answered, "\(again)")
                #expect(site.service.executions[trace.path] == 1)
            }
            var row = FaultRow("5", "dispatcher killed, submissions", traces, at: site.service)
            row.note = "all by their first execution; a retry under the same key found its result"
            row.report(traces, at: site.service)
        }
    }

    @Test("7: tenant and connectors are killed while requests are submitted")
    func submissionsSurvive() async throws {
        try await Site.withPaths(["one", "two"]) { site in
            let load = Load(site, "durable")
            let order = Load.Order(work: .milliseconds(40), deadline: .seconds(60), isDurable: true)
            async let stream: Void = load.stream(12, every: .milliseconds(20), order)
            for turn in 0..<FaultTable.choose(short: 4, long: 16) {
                try await Task.sleep(for: .milliseconds(Int.random(in: 200...800)))
                if turn % 2 == 1 { await site.end("one", by: SIGKILL) }
                await site.killTenant()
                try await site.expectDatabasesWhole()
                if turn % 2 == 1 { try site.start("one") }
                try await site.serve()
                try await site.waitUntilOnline(2)
            }
            load.stop()
            await stream
            let traces = load.traces
            expectAll(traces, "acknowledged") { $0.acknowledgedAs != nil }
            expectAll(traces, "answered, or once") { $0.kind == .once || $0.verdict == .answered }
            expectAll(traces, "answered or unknown") { $0.verdict == .answered || $0.verdict == .unknown }
            var row = FaultRow("7", "tenant and a connector killed, submissions", traces, at: site.service)
            row.note = "every acknowledged submission ended; integrity_check ok each time"
            row.report(traces, at: site.service)
        }
    }
}
