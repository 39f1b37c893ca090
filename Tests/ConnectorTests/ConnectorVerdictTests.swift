import RelayFormat
import Testing

@testable import Connector

@Suite("How a connector says that it stands")
struct ConnectorVerdictTests {
    /// What is known, in seconds before now, and what must be said of it.
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var isLinked = true
        var isFrozen = false
        var proofAge: Int?
        var readiness = BeatMessage.Readiness.ready
        var note = ""
        var state: ConnectorStatus.State
        var age: Int
        var says: String
        var helps: String?
        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(name: "a proof of now", proofAge: 0, state: .online, age: 40, says: "proven 0 s ago"),
        Case(name: "a proof of 14 s", proofAge: 14, state: .online, age: 40, says: "proven 14 s ago"),
        Case(
            name: "a proof of 15 s proves nothing", proofAge: 15, state: .unproven, age: 15,
            says: "since the last proven round trip", helps: "dispatcher"),
        Case(
            name: "no proof yet", state: .unproven, age: 50, says: "no dispatcher has answered yet", helps: "dispatcher"
        ),
        Case(
            name: "without a link even a fresh proof is none", isLinked: false, proofAge: 0, state: .disconnected,
            age: 50,
            says: "cut (3 attempts)", helps: "reaches the tenant's URL"),
        Case(
            name: "frozen, whatever was proven before", isFrozen: true, proofAge: 0, state: .frozen, age: 50,
            says: "frozen by the tenant", helps: "posternctl connectors unfreeze"),
        Case(
            name: "paused and proven", proofAge: 1, readiness: .paused, note: "patching", state: .paused, age: 40,
            says: "take no work: patching", helps: "postern resume"),
        Case(
            name: "paused and not proven says the worse", proofAge: 60, readiness: .paused, note: "patching",
            state: .unproven, age: 60, says: "since the last proven", helps: "dispatcher"),
        Case(
            name: "paused without a link says the worse", isLinked: false, readiness: .paused, state: .disconnected,
            age: 50, says: "cut", helps: "URL"),
        Case(
            name: "draining goes before all", isLinked: false, readiness: .draining, note: "new disks",
            state: .draining,
            age: 40, says: "finishes 7 requests: new disks"),
    ]

    @Test("is never better than the last proven round trip", arguments: cases)
    func verdict(_ known: Case) {
        let now = ContinuousClock.now
        func ago(_ seconds: Int) -> ContinuousClock.Instant { now - .seconds(seconds) }
        let link: Connectivity =
            known.isFrozen
            ? .frozen(since: ago(50))
            : known.isLinked
                ? .connected(since: ago(50)) : .disconnected(reason: "cut", since: ago(50), attempts: 3)
        let verdict = ConnectorVerdict(
            .init(
                link: link, proof: known.proofAge.map(ago), standing: .init(known.readiness, note: known.note),
                standingSince: ago(40), started: ago(100), inFlight: 7), at: now)
        #expect(verdict.state == known.state)
        #expect(verdict.since == ago(known.age))
        #expect(verdict.reason.contains(known.says), "\(verdict.reason)")
        if let helps = known.helps {
            #expect(verdict.nextAction?.contains(helps) == true)
        } else {
            #expect(verdict.nextAction == nil)
        }
    }
}
