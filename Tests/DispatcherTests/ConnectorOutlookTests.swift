import DispatcherProtocol

import RelayFormat
import Testing

@testable import Dispatcher
@testable import RelayDelivery

@Suite("How a connector stands in the tenant's eyes")
struct ConnectorOutlookTests {
    /// What the dispatcher knows, in seconds before now, and what it must say.
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var standing = Peer.Standing.online
        var readiness = BeatMessage.Readiness.ready
        var note = ""
        var credit: UInt32 = 5
        var beatAge = 1
        var answerAge: Int?
        var says: String
        var age: Int
        var reason: String
        var helps: String?
        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(name: "it answers", answerAge: 3, says: "online", age: 3, reason: "answered 3 s ago"),
        Case(
            name: "it has no room", credit: 0, answerAge: 3, says: "online", age: 3, reason: "answered",
            helps: "no more"),
        Case(
            name: "it beats and has never answered", says: "unproven", age: 1,
            reason: "not answered this dispatcher yet",
            helps: "postern status"),
        Case(
            name: "it beats and answers no longer", answerAge: 15, says: "unproven", age: 15, reason: "lately",
            helps: "postern status"),
        Case(
            name: "paused, and it answers", readiness: .paused, note: "patching", answerAge: 2, says: "paused", age: 2,
            reason: "take no work: patching", helps: "connectors resume one"),
        Case(
            name: "paused, and no answer: the worse is said", readiness: .paused, note: "patching", answerAge: 40,
            says: "unproven", age: 40, reason: "lately", helps: "postern status"),
        Case(
            name: "draining", readiness: .draining, note: "new disks", answerAge: 1, says: "draining", age: 1,
            reason: "finishes 7 requests and ends: new disks"),
        Case(
            name: "its link closed just after an answer", standing: .suspect(.linkClosed), answerAge: 1,
            says: "suspect", age: 1, reason: "link has closed"),
        Case(
            name: "silent", standing: .suspect(.silent), beatAge: 3, answerAge: 3, says: "suspect", age: 3,
            reason: "beats"),
        Case(
            name: "lost", standing: .lost, beatAge: 20, answerAge: 21, says: "lost", age: 20,
            reason: "process has ended",
            helps: "look on its machine"),
        Case(
            name: "drained and gone", standing: .lost, readiness: .draining, beatAge: 20, says: "lost", age: 20,
            reason: "drained and ended", helps: "start it again"),
    ]

    @Test("is never better than its last proven answer, and says why, since when, and what helps", arguments: cases)
    func outlook(_ known: Case) {
        let now = ContinuousClock.now
        let peer = Peer(
            member: .random(), boot: .random(), bootNumber: 1, name: "one", version: "1", readiness: known.readiness,
            offers: [:], inFlight: 7, credit: known.credit, note: known.note,
            lastBeat: now - .seconds(known.beatAge), standing: known.standing, withoutRoom: now)
        let outlook = ConnectorOutlook(peer, lastAnswer: known.answerAge.map { now - .seconds($0) }, at: now)
        #expect(outlook.standing == known.says)
        #expect(outlook.age == .seconds(known.age))
        #expect(outlook.reason.contains(known.reason), "\(outlook.reason)")
        if let helps = known.helps {
            #expect(outlook.nextAction?.contains(helps) == true, "\(outlook.nextAction ?? "nothing")")
        } else {
            #expect(outlook.nextAction == nil)
        }
    }
}
