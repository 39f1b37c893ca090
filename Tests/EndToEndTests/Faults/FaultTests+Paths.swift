import Foundation
import LinkFaults
import NIOCore
import Testing

/// A network path that loses, delays, cuts and spoils.
extension FaultTests {
    @Test("10: the queue's answers to a connector are lost", .disabled(if: FaultTable.isOnKafka, FaultTable.ownLink))
    func confirmationsLost() async throws {
        try await Site.withPaths(["one", "two"]) { site in
            let load = Load(site, "acks")
            let path = try #require(site.paths["one"])
            async let burst = load.burst(60, .init(work: .seconds(1)))
            try await waitUntil("all run", within: .seconds(10)) { site.service.running == 60 }
            // What it sends arrives; that it has arrived does not, and then the connection breaks.
            path.set { $0.fromTenant.carriage = .loses }
            try await waitUntil("all have run", within: .seconds(10)) { site.service.running == 0 }
            try await Task.sleep(for: .milliseconds(300))
            await path.cut()
            path.heal()
            let traces = await burst
            expectAll(traces, "answered") { $0.verdict == .answered }
            try await site.waitUntilOnline(2)
            let after = await load.burst(12)
            expectAll(after, "answered") { $0.verdict == .answered }
            FaultRow("10", "confirmations lost", traces + after, at: site.service)
                .report(traces + after, at: site.service)
        }
    }

    @Test("16: a long body is cut in the middle", .disabled(if: FaultTable.isOnKafka, FaultTable.ownLink))
    func bodyCut() async throws {
        try await Site.withPaths(["one", "two"]) { site in
            let load = Load(site, "body")
            let path = try #require(site.paths["one"])
            let size = 250_000
            let whole = String(buffer: RecordingHandler.pattern(size))
            // The service breaks off.
            let broken = await load.send(.safe, .init(query: "&size=\(size)&break=100000"))
            #expect(broken.verdict == .refused("target_failed"), "\(broken)")
            // The link breaks off while bodies are on it, both ways.
            path.set {
                $0.toTenant.delay = .milliseconds(30)
                $0.fromTenant.delay = .milliseconds(30)
            }
            let body = String(repeating: "x", count: size)
            async let burst = load.burst(
                24, .init(deadline: .seconds(20), body: body, query: "&size=\(size)"))
            for _ in 0..<3 {
                try await Task.sleep(for: .milliseconds(150))
                await path.cut()
            }
            let traces = await burst
            expectAll(traces, "answered in whole, or not at all") {
                $0.verdict != .answered || ($0.size == size && $0.detail == String(whole.prefix(300)))
            }
            path.heal()
            try await site.waitUntilOnline(2)
            let answer = try await site.http("GET", "/v1/groups/site/services/app/open/whole?size=\(size)")
            #expect(answer.text == whole)
            expectAll(traces, "answered, or once") { $0.kind == .once || $0.verdict == .answered }
            var row = FaultRow("16", "body cut in the middle", traces + [broken], at: site.service)
            row.note = "inline bodies of 250 kB; the link of one of two cut three times, the service once"
            row.report(traces + [broken], at: site.service)
        }
    }

    @Test("16: long bodies on a slow way do not hold up beats", .disabled(if: FaultTable.isOnKafka, FaultTable.ownLink))
    func slowWay() async throws {
        try await Site.withPaths(["one"]) { site in
            let load = Load(site, "slow")
            let path = try #require(site.paths["one"])
            path.set { $0.toTenant.bytesPerSecond = 1_000_000 }
            let (count, size) = (FaultTable.choose(short: 32, long: 96), 250_000)
            async let burst = load.burst(
                count, of: [.safe, .keyed], .init(deadline: .seconds(150), query: "&size=\(size)"))
            let end = ContinuousClock.now + .milliseconds(count * size / 1_000_000 * 1000 - 1000)
            while ContinuousClock.now < end {
                let presence = try await site.http("GET", "/v1/groups/site/presence")
                #expect(!presence.text.contains("\"standing\":\"lost\""), "\(presence.text)")
                try await Task.sleep(for: .milliseconds(200))
            }
            let short = await load.send(.safe, .init(deadline: .seconds(20)))
            let traces = await burst
            let executions = site.service.executions
            expectAll(traces + [short], "answered, and run once") {
                $0.verdict == .answered && executions[$0.path] == 1
            }
            var row = FaultRow("16", "slow way to the tenant", traces + [short], at: site.service)
            row.note = "\(count) replies of 250 kB at 1 MB/s; \(traces.count { $0.attempt > 1 }) were asked for again"
            row.report(traces + [short], at: site.service)
        }
    }

    @Test("17: bytes are changed on the way", .disabled(if: FaultTable.isOnKafka, FaultTable.ownLink))
    func bytesChanged() async throws {
        try await Site.withPaths(["one", "two"]) { site in
            let load = Load(site, "forged")
            async let stream: Void = load.stream(20, every: .milliseconds(10), .init(work: .milliseconds(50)))
            let path = try #require(site.paths["one"])
            for turn in 0..<FaultTable.choose(short: 4, long: 12) {
                try await Task.sleep(for: .milliseconds(600))
                let before = path.counters.connections
                path.set { if turn % 2 == 0 { $0.toTenant.flipsBit = true } else { $0.fromTenant.flipsBit = true } }
                try await waitUntil("the link is made anew", within: .seconds(5)) { path.counters.connections > before }
                path.heal()
                try await site.waitUntilOnline(2)
            }
            load.stop()
            await stream
            let traces = load.traces
            expectAll(traces, "answered, or once") { $0.kind == .once || $0.verdict == .answered }
            try await site.expectUnharmed()
            var row = FaultRow("17", "bytes changed on the way", traces, at: site.service)
            row.note = "one bit each time; forged records are tried in BrokerLinkTests and RelayDeliveryTests"
            row.report(traces, at: site.service)
        }
    }

    @Test("20: packets are lost for some seconds", .disabled(if: FaultTable.isOnKafka, FaultTable.ownLink))
    func packetsLost() async throws {
        let length = Duration.seconds(4)
        try await lose(length, "packets lost for 4 s, for one of two") { path in
            // What is sent is sent again until it arrives: it is late, not lost.
            path.set {
                $0.toTenant.carriage = .holds
                $0.fromTenant.carriage = .holds
            }
        }
    }

    @Test("20: a black hole opens and closes", .disabled(if: FaultTable.isOnKafka, FaultTable.ownLink))
    func blackHole() async throws {
        let length = FaultTable.choose(short: Duration.seconds(13), long: .seconds(30))
        try await lose(length, "black hole of \(length.milliseconds / 1000) s for one of two") { $0.blackHole() }
    }

    /// Spoils the path of one connector of two under load, heals it, and measures how soon all is well again.
    private func lose(_ length: Duration, _ name: String, _ spoil: (FaultProxy) -> Void) async throws {
        try await Site.withPaths(["one", "two"]) { site in
            let load = Load(site, "hole")
            let path = try #require(site.paths["one"])
            async let stream: Void = load.stream(20, every: .milliseconds(20), .init(work: .milliseconds(100)))
            try await waitUntil("both work", within: .seconds(10)) {
                Set(site.service.records.values.joined().compactMap(\.connector)).count == 2
            }
            spoil(path)
            try await Task.sleep(for: length)
            path.heal()
            let healed = ContinuousClock.now
            try await site.waitUntilOnline(2)
            let back = ContinuousClock.now - healed
            load.stop()
            await stream
            let traces = load.traces
            expectAll(traces, "answered, or once") { $0.kind == .once || $0.verdict == .answered }
            let moved = traces.filter { $0.kind != .once }.map(\.wait).max() ?? .zero
            #expect(moved <= .seconds(5), "a request waited \(moved) for the lost path")
            // The pause between two attempts may last a tenth of the outage.
            #expect(back <= .seconds(1) + length / 10, "the connector was back after \(back)")
            var row = FaultRow("20", name, traces, at: site.service)
            row.note =
                "back \(back.milliseconds) ms after it ended; longest wait of safe and keyed \(moved.milliseconds) ms"
            row.report(traces, at: site.service)
        }
    }

    @Test(
        "20: the tenant's end of the link goes without a word", .disabled(if: FaultTable.isOnKafka, FaultTable.ownLink))
    func halfOpen() async throws {
        try await Site.withPaths(["one"]) { site in
            let load = Load(site, "half")
            let path = try #require(site.paths["one"])
            await load.burst(6)
            await path.loseTenantSide()
            let lost = ContinuousClock.now
            try await waitUntil("the tenant has noticed", within: .seconds(5)) {
                await load.send(.safe, .init(deadline: .seconds(1))).verdict == .refused("no_connector")
            }
            try await site.waitUntilOnline(1, within: .seconds(40))
            let back = ContinuousClock.now - lost
            #expect(back <= .seconds(14), "the half-open link was kept for \(back)")
            let after = await load.burst(12)
            expectAll(after, "answered") { $0.verdict == .answered }
            var row = FaultRow("20", "link half-open", load.traces, at: site.service)
            row.note = "one connector alone; back \(back.milliseconds) ms after the loss"
            row.report(load.traces, at: site.service)
        }
    }

    @Test(
        "20: connections that rest are cut, and the tenant moves to another address",
        .disabled(if: FaultTable.isOnKafka, FaultTable.ownLink))
    func idleCutAndMove() async throws {
        try await Site.withPaths(["one"]) { site in
            let load = Load(site, "idle")
            let path = try #require(site.paths["one"])
            let limit = FaultTable.choose(short: Duration.seconds(3), long: .seconds(240))
            path.set { $0.idleLimit = limit }
            try await Task.sleep(for: limit * 1.2 + .seconds(1))
            let idle = await load.burst(12)
            expectAll(idle, "answered within a second") { $0.verdict == .answered && $0.wait < .seconds(1) }
            let log = site.connectors["one"]?.errors ?? ""
            #expect(log.components(separatedBy: "\"Link up\"").count == 2, "the link did not stay")
            // The name leads somewhere else from now on; what is at the old place does not answer.
            let other = try await FaultProxy(to: site.port)
            path.retarget(to: other.port)
            await path.cut()
            let moved = ContinuousClock.now
            try await waitUntil("the link goes by the new way", within: .seconds(5)) { other.connections > 0 }
            let after = await load.burst(12)
            expectAll(after, "answered") { $0.verdict == .answered }
            let back = ContinuousClock.now - moved
            #expect(back <= .seconds(2))
            await other.stop()
            var row = FaultRow(
                "20", "idle cut at \(limit.milliseconds / 1000) s, then another address", load.traces, at: site.service)
            row.note = "the link was never idle; \(path.counters.idleCuts) other connections were cut"
            row.report(load.traces, at: site.service)
        }
    }
}
