import Foundation
import LinkFaults
import Testing

/// The failures of PROTOCOL.md section 6 that look different on Kafka, with real processes and a real cluster.
///
/// The other cases run on Kafka as they are, by `ops/test --faults --broker kafka`.
@Suite(
    "Faults on Kafka", .serialized, .timeLimit(.minutes(10)),
    .enabled(
        if: GivenCluster.bootstrap != nil && (FaultTable.isOnKafka || !FaultTable.isLong), GivenCluster.note))
struct KafkaFaultTests {
    /// What callers keep asking for in all cases.
    static let order = Load.Order(work: .milliseconds(50))

    @Test("1: a connector is killed under steady load, and comes back")
    func killedUnderLoad() async throws {
        try await Site.withPaths(["one", "two"], onKafka: true) { site in
            let load = Load(site, "steady")
            async let stream: Void = load.stream(20, every: .milliseconds(20), Self.order)
            try await waitUntil("both work", within: .seconds(10)) { site.bothWork }
            try await Task.sleep(for: .seconds(2))
            let killed = ContinuousClock.now
            site.connectors["one"]?.signal(SIGKILL)
            // Beyond the session's six seconds, after which the group is shared out anew.
            try await Task.sleep(for: .seconds(10))
            let back = ContinuousClock.now
            try site.start("one")
            try await site.waitUntilOnline(2)
            try await Task.sleep(for: .seconds(3))
            load.stop()
            await stream
            let traces = load.traces
            expectAll(traces, "answered, or once") { $0.kind == .once || $0.verdict == .answered }
            // Of a lost one of the class once nobody can know; the others of that class go on like all.
            let calls = traces.filter { $0.verdict == .answered }
            let usual = calls.filter { $0.ended < killed }.map(\.wait).sorted()
            let early = calls.filter { $0.ended > killed && $0.sent < killed + .seconds(3) }.worst
            let later = calls.filter { $0.sent >= killed + .seconds(3) && $0.sent < back }.worst
            let again = calls.filter { $0.sent >= back }.worst
            #expect(max(early, later, again) <= .milliseconds(2500), "\(early) \(later) \(again)")
            var row = FaultRow("1", "connector killed under steady load", traces, at: site.service)
            row.note =
                "worst wait \(early.milliseconds) ms in the first 3 s, \(later.milliseconds) ms until its return,"
                + " \(again.milliseconds) ms after it; usual (median) \(usual[usual.count / 2].milliseconds) ms"
            row.report(traces, at: site.service)
        }
    }

    @Test("18: certificates, keys and members change under load")
    func rotation() async throws {
        try await Site.withPaths(["one", "two"], onKafka: true) { site in
            let load = Load(site, "rotation")
            async let stream: Void = load.stream(20, every: .milliseconds(20), Self.order)
            try await waitUntil("both work", within: .seconds(10)) { site.bothWork }
            let turns = FaultTable.choose(short: 1, long: 4)
            for turn in 0..<turns {
                for name in ["one", "two"] {
                    let rotated = try await site.postern(["rotate"], of: name)
                    #expect(rotated.status == 0, "\(rotated.errors)")
                }
                let name = "more-\(turn)"
                try await site.addBehindPath(name)
                try await site.waitUntilOnline(3)
                try await waitUntil("the third works", within: .seconds(20)) {
                    site.service.records.values.joined().contains { $0.connector == name }
                }
                site.connectors[name]?.signal(SIGTERM)
                _ = await site.connectors[name]?.wait()
                let revoked = try await site.ctl(["connectors", "revoke", name])
                #expect(revoked.status == 0, "\(revoked.errors)")
                site.forget(name)
            }
            load.stop()
            await stream
            let traces = load.traces
            expectAll(traces, "answered") { $0.verdict == .answered }
            var row = FaultRow("18", "certificates, keys, epochs and members change", traces, at: site.service)
            row.note = "\(2 * turns) renewals with new keys, \(turns) connectors that joined, left and were revoked"
            row.report(traces, at: site.service)
        }
    }
}

extension Site {
    /// Whether connectors one and two have both been asked for something.
    var bothWork: Bool { Set(service.records.values.joined().compactMap(\.connector)).isSuperset(of: ["one", "two"]) }
}

extension [RequestTrace] {
    /// The longest wait.
    var worst: Duration { map(\.wait).max() ?? .zero }
}
