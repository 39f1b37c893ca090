import Foundation
import LinkFaults
import Testing

/// A network path between one connector and Kafka that loses, cuts and comes back; it leads through an HTTP proxy, so that
/// the cluster need not know of it.
extension KafkaFaultTests {
    @Test("10: Kafka's answers to a connector are lost")
    func confirmationsLost() async throws {
        try await withKafkaPath { site, path in
            let load = Load(site, "acks")
            async let burst = load.burst(60, .init(work: .seconds(1)))
            try await waitUntil("all run", within: .seconds(20)) { site.service.running == 60 }
            path.set { $0.fromTenant.carriage = .loses }
            try await waitUntil("all have run", within: .seconds(10)) { site.service.running == 0 }
            try await Task.sleep(for: .milliseconds(300))
            await path.cut()
            path.heal()
            let traces = await burst
            expectAll(traces, "answered") { $0.verdict == .answered }
            try await site.waitUntilOnline(2)
            FaultRow("10", "Kafka's confirmations lost", traces, at: site.service).report(traces, at: site.service)
        }
    }

    @Test("20: connections to Kafka are reset again and again")
    func reset() async throws {
        try await withKafkaPath { site, path in
            let load = Load(site, "reset")
            async let stream: Void = load.stream(20, every: .milliseconds(20), Self.order)
            try await waitUntil("both work", within: .seconds(10)) { site.bothWork }
            for _ in 0..<FaultTable.choose(short: 3, long: 10) {
                await path.cut()
                try await Task.sleep(for: .seconds(2))
            }
            load.stop()
            await stream
            let traces = load.traces
            expectAll(traces, "answered") { $0.verdict == .answered }
            #expect(traces.worst <= .milliseconds(2500), "\(traces.worst)")
            FaultRow("20", "connections to Kafka reset every 2 s, for one of two", traces, at: site.service)
                .report(traces, at: site.service)
        }
    }

    @Test("20: a black hole opens and closes between a connector and Kafka")
    func blackHole() async throws {
        let length = FaultTable.choose(short: Duration.seconds(13), long: .seconds(30))
        try await withKafkaPath { site, path in
            let load = Load(site, "hole")
            async let stream: Void = load.stream(20, every: .milliseconds(20), Self.order)
            try await waitUntil("both work", within: .seconds(10)) { site.bothWork }
            path.blackHole()
            try await Task.sleep(for: length)
            path.heal()
            let healed = ContinuousClock.now
            try await site.waitUntilOnline(2, within: .seconds(60))
            let back = ContinuousClock.now - healed
            try await waitUntil("the connector works again", within: .seconds(60)) {
                site.service.records.values.joined().contains { $0.connector == "one" && $0.begun > healed }
            }
            let working = ContinuousClock.now - healed
            load.stop()
            await stream
            let traces = load.traces
            expectAll(traces, "answered, or once") { $0.kind == .once || $0.verdict == .answered }
            let moved = traces.filter { $0.kind != .once }.worst
            #expect(moved <= .seconds(5), "a request waited \(moved) for the lost path")
            #expect(back <= .seconds(1), "the connector was back after \(back)")
            var row = FaultRow(
                "20", "black hole of \(length.milliseconds / 1000) s between Kafka and one of two", traces,
                at: site.service)
            row.note =
                "back \(back.milliseconds) ms after it ended, at work \(working.milliseconds) ms; longest wait of safe and"
                + " keyed \(moved.milliseconds) ms"
            row.report(traces, at: site.service)
        }
    }

    /// A site of two connectors, of which `one` reaches Kafka by a path that can be spoiled.
    private func withKafkaPath(_ body: (Site, FaultProxy) async throws -> Void) async throws {
        try await Site.withPaths(["two"], onKafka: true) { site in
            let proxy = try Tinyproxy(in: site.folder, user: "gateway", password: "passw0rd")
            try await proxy.start()
            defer { proxy.kill() }
            let path = try await FaultProxy(to: proxy.port)
            site.paths["kafka"] = path
            // The tenant's own port is on localhost.
            let environment = [
                "HTTPS_PROXY": "http://gateway:passw0rd@127.0.0.1:\(path.port)", "NO_PROXY": "localhost",
            ]
            try await site.addBehindPath("one", .init(environment: environment))
            try await site.waitUntilOnline(2)
            try await body(site, path)
        }
    }
}
