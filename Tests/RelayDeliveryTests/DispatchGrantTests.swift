import RelayDelivery
import RelayFormat
import Testing

@Suite("Claims and grants")
struct DispatchGrantTests {
    private let one = DispatcherScene.boot("one", 1)
    private let two = DispatcherScene.boot("two", 2)

    /// Two connectors, and request 1 on its way to their group.
    private func sent(_ requestClass: RequestClass = .once, within deadline: Duration = .seconds(30)) -> DispatcherScene
    {
        let scene = DispatcherScene()
        _ = scene.beat(one)
        _ = scene.beat(two)
        #expect(scene.submit(1, class: requestClass, within: deadline) == [.dispatched(1, attempt: 1, .group)])
        return scene
    }

    private func refused(_ boot: DispatcherScene.Boot, _ attempt: UInt32 = 1) -> [DispatcherScene.Event] {
        [.cancelled(1, attempt: attempt, boot.boot, .unwanted)]
    }

    @Test("the first claim has the grant; said again it has it again; another's is refused")
    func first() {
        let scene = sent()
        #expect(scene.claimed(1, by: one) == [.granted(1, attempt: 1, one.boot)])
        #expect(scene.claimed(1, by: two) == refused(two))
        #expect(scene.claimed(1, by: one) == [.granted(1, attempt: 1, one.boot)])
        #expect(scene.claimed(1, by: one.successor) == refused(one.successor), "another process of the connector")
        #expect(scene.responded(1, by: one) == [.receipt(1, one.boot), .answered(1, nil, attempt: 1)])
        #expect(scene.claimed(1, by: two) == [.cancelled(1, attempt: 1, two.boot, .unwanted)])
        #expect(scene.claimed(77, by: two) == [.cancelled(77, attempt: 1, two.boot, .unwanted)])
    }

    @Test("a claim of an earlier attempt, of a later one, or of what lies in another's inbox is refused")
    func wrongDispatch() {
        let scene = sent()
        #expect(scene.claimed(1, attempt: 2, by: one) == refused(one, 2))
        #expect(scene.returned(1, by: one, .draining) == [.dispatched(1, attempt: 2, .inbox(two.boot))])
        #expect(scene.claimed(1, attempt: 1, by: two) == refused(two, 1))
        #expect(scene.claimed(1, attempt: 2, by: one) == refused(one, 2))
        #expect(scene.claimed(1, attempt: 2, by: two) == [.granted(1, attempt: 2, two.boot)])
    }

    @Test("a claim that comes when the deadline has passed is refused, before the deadline is dealt with")
    func afterDeadline() {
        let scene = sent(within: .seconds(2))
        scene.stepClock(by: .seconds(2))
        #expect(scene.claimed(1, by: one) == refused(one))
        #expect(scene.tick() == [.answered(1, .deadlineExceeded, attempt: 1)])
    }

    @Test("a claim that comes twice does not end what was granted by it")
    func repeatedAfterDeadline() {
        let scene = sent(within: .seconds(2))
        #expect(scene.claimed(1, by: one) == [.granted(1, attempt: 1, one.boot)])
        scene.stepClock(by: .seconds(2))
        #expect(scene.claimed(1, by: one) == refused(one))
    }

    @Test("after a cancel nothing is granted, and the holder's claim is refused, too")
    func afterCancel() {
        let scene = sent()
        #expect(scene.claimed(1, by: one).count == 1)
        #expect(scene.cancel(1).verdict == .stopping)
        #expect(scene.claimed(1, by: one) == [.cancelled(1, attempt: 1, one.boot, .stop)])
        let other = sent()
        #expect(other.cancel(1) == (.cancelled, [.answered(1, .cancelled, attempt: 1)]))
        #expect(other.claimed(1, by: one) == [.cancelled(1, attempt: 1, one.boot, .unwanted)])
    }

    @Test("a claimant whose link has closed has no grant, and the request waits for another")
    func claimantGone() {
        let scene = sent()
        _ = scene.closed(one)
        #expect(scene.claimed(1, by: one).isEmpty)
        #expect(scene.claimed(1, by: two) == [.granted(1, attempt: 1, two.boot)])
        _ = scene.beat(one)
        #expect(scene.claimed(1, by: one) == refused(one))
    }

    @Test("a claimant that was replaced or revoked has no grant")
    func claimantReplaced() {
        let scene = sent()
        _ = scene.beat(one.successor)
        #expect(scene.claimed(1, by: one).isEmpty)
        _ = scene.revoked(two)
        #expect(scene.claimed(1, by: two).isEmpty)
        #expect(scene.claimed(1, by: one.successor) == [.granted(1, attempt: 1, one.successor.boot)])
    }

    @Test("only the holder's RETURN, or its word that it does not know it, frees what is granted")
    func freed() {
        let scene = sent()
        _ = scene.claimed(1, by: one)
        #expect(scene.returned(1, by: two, .draining).isEmpty)
        #expect(scene.returned(1, attempt: 2, by: one, .draining).isEmpty)
        #expect(scene.known(1, by: two, .notKnown).isEmpty)
        #expect(scene.known(1, by: one, .queued).isEmpty)
        #expect(scene.returned(1, by: one, .noGrant) == [.dispatched(1, attempt: 2, .inbox(two.boot))])
        #expect(scene.claimed(1, attempt: 2, by: two) == [.granted(1, attempt: 2, two.boot)])
        #expect(scene.claimed(1, attempt: 1, by: one) == refused(one, 1), "it gave that attempt back")
        #expect(scene.known(1, attempt: 2, by: two, .notKnown) == [.dispatched(1, attempt: 3, .inbox(one.boot))])
        #expect(scene.responded(1, attempt: 2, by: two) == [.receipt(1, two.boot)], "nobody has the leave")
        #expect(scene.takeLateReplies() == 1)
    }

    @Test("what is granted is never sent again on a guess, whoever has room")
    func noGuess() {
        let scene = sent()
        _ = scene.claimed(1, by: one)
        let events = scene.advance(by: .seconds(20), presenceFlows: true, beating: [one, two])
        #expect(events.allSatisfy { $0 == .asked(one.boot, [1]) })
        #expect(events.count == 3 || events.count == 4)
    }

    @Test("a claim that nobody granted in time is made anew, and the old one refused")
    func overtaken() {
        let scene = sent()
        _ = scene.advance(by: .milliseconds(750), presenceFlows: true, beating: [one, two])
        let again = scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [one, two])
        guard case .dispatched(1, attempt: 2, .inbox(let boot), _)? = again.first else {
            Issue.record("not sent again: \(again)")
            return
        }
        #expect(scene.claimed(1, by: two) == refused(two))
        let addressee = boot == one.boot ? one : two
        #expect(scene.claimed(1, attempt: 2, by: addressee) == [.granted(1, attempt: 2, boot)])
    }

    @Test(
        "a claim may make a request stricter, and never less strict", arguments: RequestClass.allCases,
        RequestClass.allCases)
    func stricter(asked: RequestClass, claimed: RequestClass) {
        let scene = sent(asked)
        #expect(scene.claimed(1, by: one, as: claimed) == [.granted(1, attempt: 1, one.boot)])
        let strictest = max(asked, claimed)
        let life = scene.life(1)
        #expect(life?.progress.requestClass == strictest)
        #expect(life?.progress.standing == (strictest == .once ? .granted : .held))
        // What is granted stays with a closed link; what is held moves.
        #expect(scene.closed(one).isEmpty == (strictest == .once))
    }

    @Test("an ACCEPTED takes nothing that runs only once, and what is claimed is not accepted away")
    func acceptedOnce() {
        let scene = sent()
        #expect(scene.accepted(1, by: two).isEmpty)
        #expect(scene.claimed(1, by: one) == [.granted(1, attempt: 1, one.boot)])
        #expect(scene.accepted(1, by: two).isEmpty)
        #expect(scene.responded(1, by: two) == [.receipt(1, two.boot)])
        #expect(scene.responded(1, by: one) == [.receipt(1, one.boot), .answered(1, nil, attempt: 1)])
    }

    @Test("while nobody has the leave, a definite failure is an answer, and a result or a doubt is not")
    func replyWithoutLeave() {
        for code in [RequestFailure.Code.deniedByPolicy, .targetUnreachable, .deadlineExceeded] {
            let scene = sent()
            #expect(
                scene.responded(1, by: one, DispatcherScene.failure(code))
                    == [.receipt(1, one.boot), .answered(1, code, attempt: 1)])
        }
        for outcome in [DispatcherScene.answer, DispatcherScene.unknown, DispatcherScene.failure(.cancelled)] {
            let scene = sent()
            #expect(scene.responded(1, by: one, outcome) == [.receipt(1, one.boot)])
            #expect(scene.claimed(1, by: two) == [.granted(1, attempt: 1, two.boot)])
        }
    }

    @Test("the next process of the connector may answer from its journal before it is seen to have replaced the first")
    func journaledAnswer() {
        let scene = sent()
        _ = scene.claimed(1, by: one)
        let next = one.successor
        #expect(scene.responded(1, by: next).contains(.answered(1, nil, attempt: 1)))
    }

    @Test("that the holder's process had ended while it ran leaves it unknown, for good")
    func interrupted() {
        let scene = sent()
        _ = scene.claimed(1, by: one)
        #expect(scene.known(1, by: one, .interrupted) == [.answered(1, .outcomeUnknown, attempt: 1)])
        #expect(!scene.isUnresolved(1))
        #expect(scene.advance(by: .seconds(5), presenceFlows: true, beating: [one, two]).isEmpty)
    }

    @Test("a claim that was interrupted before its grant frees the dispatch for another")
    func interruptedClaim() {
        let scene = sent()
        #expect(scene.known(1, by: one, .interrupted).count == 1)
        #expect(scene.claimed(1, by: two) == refused(two))
        #expect(scene.life(1)?.progress.losses == 0)
    }
}
