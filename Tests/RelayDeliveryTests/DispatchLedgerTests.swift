import RelayDelivery
import RelayFormat
import Testing

@Suite("Requests that the ledger keeps")
struct DispatchLedgerTests {
    private let one = DispatcherScene.boot("one", 1)
    private let two = DispatcherScene.boot("two", 2)

    private func scene() -> DispatcherScene {
        let scene = DispatcherScene()
        _ = scene.beat(one)
        _ = scene.beat(two)
        return scene
    }

    /// Request 1, durable, granted to or held by the first connector.
    private func taken(_ requestClass: RequestClass = .once) -> DispatcherScene {
        let scene = scene()
        _ = scene.submit(1, class: requestClass, durable: true)
        _ = scene.write()
        _ = requestClass == .once ? scene.claimed(1, by: one) : scene.accepted(1, by: one)
        _ = scene.write()
        return scene
    }

    private func isInside(_ events: [DispatcherScene.Event]) -> Bool {
        events.allSatisfy { if case .recorded(1, _) = $0 { true } else { false } }
    }

    @Test("dispatch, grant and receipt are only done when the ledger has them, and the end closes the request")
    func life() {
        let scene = scene()
        #expect(scene.submit(1, class: .once, durable: true) == [.recorded(1, [.dispatched])])
        #expect(scene.write() == [.dispatched(1, attempt: 1, .group)])
        #expect(scene.claimed(1, by: one) == [.recorded(1, [.claimed, .granted])])
        #expect(scene.write() == [.granted(1, attempt: 1, one.boot)])
        #expect(scene.ledger[DispatcherScene.id(1)]?.progress.standing == .granted)
        #expect(scene.ledger[DispatcherScene.id(1)]?.progress.holder?.boot == one.boot)
        #expect(scene.responded(1, by: one) == [.recorded(1, [.answered])])
        #expect(scene.count == 1)
        #expect(scene.responded(1, by: one).isEmpty, "no receipt before the ledger has the end")
        #expect(scene.responded(1, by: two).isEmpty)
        #expect(scene.write() == [.receipt(1, one.boot), .answered(1, nil, attempt: 1)])
        #expect(scene.ledger[DispatcherScene.id(1)]?.ending?.isUnknown == false)
        #expect(scene.count == 0)
        #expect(scene.responded(1, by: one) == [.receipt(1, one.boot)])
    }

    @Test("whatever happens to it, nothing but questions leaves the machine outside the ledger's changes")
    func everythingInside() {
        let scene = scene()
        #expect(isInside(scene.submit(1, class: .keyed, durable: true)))
        #expect(isInside(scene.returned(1, by: two, .draining)))
        #expect(isInside(scene.sendFailed(1, attempt: 2, overloaded: true)))
        #expect(isInside(scene.advance(by: .seconds(1), beating: [one, two])))
        #expect(isInside(scene.accepted(1, attempt: 3, by: two)))
        #expect(isInside(scene.closed(two)))
        #expect(isInside(scene.claimed(1, attempt: 4, by: one, as: .once)))
        #expect(isInside(scene.claimed(1, attempt: 4, by: two, as: .once)), "a refusal, too")
        #expect(isInside(scene.responded(1, attempt: 3, by: two)), "a late reply's receipt, too")
        #expect(isInside(scene.cancel(1).events))
        #expect(isInside(scene.advance(by: .seconds(5))))
        #expect(scene.write().last == .answered(1, .outcomeUnknown, attempt: 4))
        #expect(scene.count == 0)
    }

    @Test("while a grant waits for the ledger, it may be given back, lost or cancelled")
    func delayedGrant() {
        func claimed() -> DispatcherScene {
            let scene = scene()
            _ = scene.submit(1, class: .once, durable: true)
            _ = scene.write()
            _ = scene.claimed(1, by: one)
            return scene
        }
        let returned = claimed()
        #expect(returned.returned(1, by: one, .noGrant) == [.recorded(1, [.returned, .dispatched])])
        #expect(returned.write() == [.granted(1, attempt: 1, one.boot), .dispatched(1, attempt: 2, .inbox(two.boot))])
        #expect(returned.claimed(1, attempt: 1, by: one) == [.recorded(1, [.refused])])
        let lost = claimed()
        #expect(lost.revoked(one) == [.recorded(1, [.lost, .failed])])
        #expect(lost.write() == [.granted(1, attempt: 1, one.boot), .answered(1, .outcomeUnknown, attempt: 1)])
        let cancelled = claimed()
        #expect(cancelled.cancel(1).verdict == .stopping)
        #expect(
            cancelled.write() == [.granted(1, attempt: 1, one.boot), .cancelled(1, attempt: 1, one.boot, .stop)])
        let again = claimed()
        #expect(again.claimed(1, by: one) == [.recorded(1, [.granted])])
        #expect(again.claimed(1, by: two) == [.recorded(1, [.refused])])
        let repeated = [DispatcherScene.Event](repeating: .granted(1, attempt: 1, one.boot), count: 2)
        #expect(again.write() == repeated + [.cancelled(1, attempt: 1, two.boot, .unwanted)])
    }

    @Test("while its end waits for the ledger, nothing else becomes of it")
    func ending() {
        let scene = taken()
        _ = scene.responded(1, by: one)
        #expect(scene.claimed(1, by: two) == [.cancelled(1, attempt: 1, two.boot, .unwanted)])
        #expect(scene.accepted(1, by: two) == [.cancelled(1, attempt: 1, two.boot, .unwanted)])
        #expect(scene.returned(1, by: one, .draining).isEmpty)
        #expect(scene.known(1, by: one, .notKnown).isEmpty)
        #expect(scene.sendFailed(1, overloaded: false).isEmpty)
        #expect(scene.cancel(1) == (.notOpen, []))
        #expect(scene.closed(one).isEmpty)
        #expect(scene.revoked(one).isEmpty)
        #expect(scene.advance(by: .seconds(60), presenceFlows: true, beating: [two]).isEmpty)
        #expect(scene.write() == [.receipt(1, one.boot), .answered(1, nil, attempt: 1)])
        #expect(scene.ledger[DispatcherScene.id(1)]?.ending != nil, "it is not opened again")
        #expect(scene.count == 0)
    }

    // MARK: Restarts

    private func restarted(_ scene: DispatcherScene, class requestClass: RequestClass = .once) -> DispatcherScene {
        scene.restarted(1, as: scene.submission(1, class: requestClass, durable: true), after: .seconds(1))
    }

    private func standing(_ scene: DispatcherScene) -> RequestProgress.Standing? {
        scene.life(1)?.progress.standing
    }

    @Test("a grant that the ledger has not is not known after a restart, one that it has is")
    func grantAndRestart() {
        let scene = scene()
        _ = scene.submit(1, class: .once, durable: true)
        _ = scene.write()
        _ = scene.claimed(1, by: one)
        let before = restarted(scene)
        #expect(standing(before) == .waiting)
        #expect(before.claimed(1, by: two) == [.recorded(1, [.restored, .claimed, .granted])])
        _ = scene.write()
        let after = restarted(scene)
        #expect(standing(after) == .granted)
        #expect(after.claimed(1, by: two) == [.recorded(1, [.restored, .refused])])
        #expect(after.claimed(1, by: one) == [.recorded(1, [.granted])])
    }

    @Test("what was waiting or sent is not sent before the hold-off, and then once", arguments: [false, true])
    func holdOff(wasSent: Bool) {
        let scene = scene()
        if wasSent {
            _ = scene.submit(1, durable: true)
            _ = scene.write()
        }
        let next = restarted(scene, class: .safe)
        #expect(next.beat(one) == [.recorded(1, [.restored])])
        #expect(next.advance(by: .milliseconds(2750), presenceFlows: true, beating: [one]).isEmpty)
        #expect(
            next.advance(by: .milliseconds(250), presenceFlows: true, beating: [one])
                == [.recorded(1, [.dispatched])])
        let route: DispatcherScene.Machine.Route = wasSent ? .inbox(one.boot) : .group
        #expect(next.write() == [.dispatched(1, attempt: wasSent ? 2 : 1, route)])
    }

    @Test("within the hold-off its answer, its ACCEPTED or its claim is taken")
    func heardInHoldOff() {
        let scene = scene()
        _ = scene.submit(1, class: .keyed, durable: true)
        _ = scene.write()
        let answered = restarted(scene, class: .keyed)
        #expect(answered.responded(1, by: one) == [.recorded(1, [.restored, .answered])])
        let accepted = restarted(scene, class: .keyed)
        _ = accepted.beat(one)
        #expect(accepted.accepted(1, by: one) == [.recorded(1, [.accepted])])
        #expect(isInside(accepted.advance(by: .milliseconds(4750), presenceFlows: true, beating: [one])))
        #expect(standing(accepted) == .held)
    }

    @Test("the holder is asked when it is seen again, and answers", arguments: [RequestClass.keyed, .once])
    func holderSeenAgain(requestClass: RequestClass) {
        let next = restarted(taken(requestClass), class: requestClass)
        #expect(standing(next) == (requestClass == .once ? .granted : .held))
        #expect(next.beat(one) == [.asked(one.boot, [1])])
        #expect(next.known(1, by: one, .running).isEmpty)
        #expect(next.responded(1, by: one) == [.recorded(1, [.restored, .answered])])
    }

    @Test("the holder that is seen again and does not know it frees it")
    func holderForgot() {
        let next = restarted(taken())
        _ = next.beat(two)
        #expect(next.beat(one) == [.asked(one.boot, [1])])
        #expect(next.known(1, by: one, .notKnown) == [.recorded(1, [.restored, .known])], "the hold-off is not over")
        let events = next.advance(by: .seconds(3), presenceFlows: true, beating: [one, two])
        #expect(events == [.recorded(1, [.dispatched])])
        #expect(next.write() == [.dispatched(1, attempt: 2, .inbox(two.boot))])
    }

    @Test("the holder's successor shows that the holder has ended")
    func successorSeen() {
        let once = restarted(taken())
        #expect(once.beat(one.successor) == [.recorded(1, [.restored, .lost, .failed])])
        #expect(once.write() == [.answered(1, .outcomeUnknown, attempt: 1)])
        #expect(once.isUnresolved(1))
        let keyed = restarted(taken(.keyed), class: .keyed)
        #expect(keyed.beat(one.successor) == [.recorded(1, [.restored, .lost])])
        #expect(keyed.life(1)?.progress.losses == 1)
    }

    @Test("a holder that is never seen is lost, once presence has flowed long enough to believe it")
    func neverSeen() {
        let next = restarted(taken())
        #expect(next.advance(by: .seconds(8)).isEmpty, "presence does not flow")
        _ = next.ownBeat()
        let events = next.advance(by: .seconds(3), presenceFlows: true, beating: [two])
        #expect(events == [.recorded(1, [.restored, .lost, .failed])])
    }

    @Test("losses, attempts, a stricter class and a cancel outlast a restart")
    func remembered() {
        let scene = taken(.keyed)
        _ = scene.closed(one)
        _ = scene.write()
        _ = scene.claimed(1, attempt: 2, by: two)
        _ = scene.write()
        let next = restarted(scene, class: .keyed)
        let progress = next.life(1)?.progress
        #expect(progress?.requestClass == .once)
        #expect(progress?.losses == 1)
        #expect(progress?.attempt == 2)
        _ = next.cancel(1)
        _ = next.write()
        let third = restarted(next)
        #expect(third.claimed(1, attempt: 2, by: two) == [.recorded(1, [.restored, .refused])])
        #expect(isInside(third.advance(by: .seconds(4))))
        #expect(third.write().last == .answered(1, .outcomeUnknown, attempt: 2))
    }

    @Test("an end that the ledger has not comes again after a restart")
    func endLost() {
        let scene = taken()
        _ = scene.responded(1, by: one)
        let next = restarted(scene)
        #expect(next.responded(1, by: one) == [.recorded(1, [.restored, .answered])])
        #expect(next.write() == [.receipt(1, one.boot), .answered(1, nil, attempt: 1)])
    }

    @Test("what is taken up again before its former end was closed here is not lost")
    func redriven() {
        let scene = scene()
        let submission = scene.submission(1, within: .seconds(30), durable: true)
        _ = scene.submit(1, within: .seconds(30), durable: true)
        _ = scene.write()
        _ = scene.responded(1, by: one, DispatcherScene.failure(.targetFailed))
        // The ledger has written the end; its owner reads it before the machine is told.
        let (change, _) = scene.unwritten[0]
        scene.restore(
            1, as: submission, from: LedgerChange(id: change.id, progress: change.progress, events: change.events),
            holdOff: .zero, marked: .redriven)
        _ = scene.write()
        #expect(scene.count == 1)
        _ = scene.tick()
        #expect(scene.write().count == 1)
    }

    // MARK: Waiting

    @Test("a parked request waits for a connector, and ends when nobody came")
    func parked() {
        let scene = DispatcherScene()
        #expect(scene.submit(1, durable: true, parked: .seconds(10)) == [.recorded(1, [.waiting])])
        #expect(scene.write().isEmpty)
        #expect(scene.advance(by: .milliseconds(9750), presenceFlows: true).isEmpty)
        #expect(scene.advance(by: .milliseconds(250), presenceFlows: true) == [.recorded(1, [.failed])])
        #expect(scene.write() == [.answered(1, .noConnector, attempt: 0)])
        _ = scene.submit(2, durable: true, parked: .seconds(10))
        #expect(scene.beat(one) == [.recorded(2, [.dispatched])])
    }

    @Test("what the broker does not take is sent again, with no end to it but the deadline")
    func notSent() {
        let scene = scene()
        _ = scene.submit(1, within: .seconds(3), durable: true)
        #expect(scene.sendFailed(1, overloaded: true) == [.recorded(1, [.notSent])])
        #expect(
            scene.advance(by: .milliseconds(250), beating: [one, two]) == [.recorded(1, [.dispatched])])
        _ = scene.write()
        #expect(scene.sendFailed(1, attempt: 1, overloaded: true).isEmpty)
        #expect(scene.sendFailed(1, attempt: 2, overloaded: false) == [.recorded(1, [.notSent])])
        _ = scene.advance(by: .seconds(3))
        #expect(scene.write().last == .answered(1, .deadlineExceeded, attempt: 3))
    }

    @Test("of many events the first and the newest are kept, and each reaches the ledger once")
    func events() {
        let scene = scene()
        _ = scene.submit(1, durable: true)
        var written = 0
        for attempt in UInt32(1)...200 {
            _ = scene.returned(1, attempt: attempt, by: one, .busy)
            _ = scene.tick()
            for case let (change, _) in scene.unwritten { written += change.events.count }
            _ = scene.write()
        }
        #expect(written == 1 + 200 * 2)
        let events = scene.life(1)?.events ?? []
        #expect(events.count == 64)
        #expect(events.first?.kind == .submitted)
        #expect(events.last?.attempt == 201)
    }
}
