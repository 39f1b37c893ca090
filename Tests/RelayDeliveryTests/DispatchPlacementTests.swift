import RelayDelivery
import RelayFormat
import Testing

@Suite("Where a dispatcher sends a request")
struct DispatchPlacementTests {
    private let one = DispatcherScene.boot("one", 1)
    private let two = DispatcherScene.boot("two", 2)

    private func scene(_ boots: DispatcherScene.Boot..., limits: DispatchLimits = .init()) -> DispatcherScene {
        let scene = DispatcherScene(limits: limits)
        for boot in boots { #expect(scene.beat(boot).isEmpty) }
        return scene
    }

    @Test("the first attempt goes to the group's queue when all offer the service")
    func groupQueue() {
        let scene = scene(one, two)
        #expect(scene.submit(1) == [.dispatched(1, attempt: 1, .group)])
        #expect(scene.submit(2, class: .once) == [.dispatched(2, attempt: 1, .group)])
    }

    @Test(
        "while the queue is shared out anew first attempts go to those who are there, in turn, as far as they have room"
    )
    func handover() {
        let scene = DispatcherScene(timing: .init(handover: .seconds(8)))
        var three = DispatcherScene.boot("three", 3)
        (three.inFlight, three.credit) = (9, 1)
        for boot in [one, two, three] { _ = scene.beat(boot) }
        // They have just come, and have no share yet.
        #expect(scene.submit(5) == [.dispatched(5, attempt: 1, .inbox(two.boot))])
        _ = scene.cancel(5)
        _ = scene.advance(by: .milliseconds(2250), presenceFlows: true, beating: [one, two, three])
        #expect(scene.submit(1) == [.dispatched(1, attempt: 1, .group)])
        #expect(scene.accepted(1, by: one).isEmpty)
        // Two falls silent, and three has all that it can do.
        _ = scene.advance(by: .seconds(4), presenceFlows: true, beating: [one, three])
        #expect(scene.submit(2) == [.dispatched(2, attempt: 1, .inbox(one.boot))])
        var full = one
        full.credit = 0
        three.credit = 0
        _ = scene.beat(full)
        _ = scene.beat(three)
        #expect(scene.submit(3).isEmpty)
        #expect(scene.beat(one).isEmpty)
        #expect(scene.tick() == [.dispatched(3, attempt: 1, .inbox(one.boot))])
        _ = scene.advance(by: .milliseconds(4250), presenceFlows: true, beating: [one, three])
        #expect(scene.submit(4) == [.dispatched(4, attempt: 1, .group)])
    }

    @Test("after presence was away first attempts go to inboxes, since the broker may have missed its members as well")
    func handoverOfAll() {
        let scene = DispatcherScene(timing: .init(handover: .seconds(8)))
        _ = scene.beat(one)
        _ = scene.advance(by: .milliseconds(2250), presenceFlows: true, beating: [one])
        _ = scene.advance(by: .milliseconds(500))
        _ = scene.beat(one)
        #expect(scene.submit(1) == [.dispatched(1, attempt: 1, .group)])
        _ = scene.accepted(1, by: one)
        _ = scene.advance(by: .seconds(20))
        #expect(scene.submit(2) == [.dispatched(2, attempt: 1, .inbox(one.boot))])
        _ = scene.accepted(2, by: one)
        _ = scene.ownBeat()
        _ = scene.beat(one)
        #expect(scene.submit(3) == [.dispatched(3, attempt: 1, .inbox(one.boot))])
        _ = scene.accepted(3, by: one)
        _ = scene.advance(by: .milliseconds(8250), presenceFlows: true, beating: [one])
        #expect(scene.submit(4) == [.dispatched(4, attempt: 1, .group)])
    }

    @Test("a connector is invited when it comes, when it comes back, and now and then, since an invitation can be lost")
    func invitations() {
        let scene = DispatcherScene()
        scene.showsInvitations = true
        #expect(scene.beat(one) == [.invited(one.boot)])
        #expect(scene.beat(one).isEmpty)
        _ = scene.closed(one)
        #expect(scene.beat(one) == [.invited(one.boot)])
        #expect(scene.advance(by: .seconds(4), presenceFlows: true).isEmpty)
        #expect(scene.beat(one) == [.invited(one.boot)])
        #expect(scene.advance(by: .milliseconds(9750), presenceFlows: true, beating: [one]).isEmpty)
        #expect(scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [one]) == [.invited(one.boot)])
    }

    @Test("it goes to an inbox when not all offer the service")
    func inbox() {
        var other = two
        other.services = [ServiceOffer("printer")]
        let scene = scene(one, other)
        #expect(scene.submit(1) == [.dispatched(1, attempt: 1, .inbox(one.boot))])
        #expect(scene.submit(2, service: "printer") == [.dispatched(2, attempt: 1, .inbox(other.boot))])
    }

    @Test("a member that drains does not count among those who should offer it")
    func draining() {
        var other = two
        other.services = [ServiceOffer("printer")]
        other.readiness = .draining
        let scene = scene(one, other)
        #expect(scene.submit(1) == [.dispatched(1, attempt: 1, .group)])
        #expect(scene.submit(2, service: "printer") == [.answered(2, .serviceUnknown, attempt: 0)])
    }

    @Test("an observer is nobody to work for")
    func observer() {
        var observer = one
        observer.readiness = .observing
        let scene = scene(observer)
        #expect(scene.submit(1) == [.answered(1, .noConnector, attempt: 0)])
    }

    @Test("nobody there fails at once, and a service that nobody offers is unknown")
    func nobody() {
        let scene = DispatcherScene()
        #expect(scene.submit(1) == [.answered(1, .noConnector, attempt: 0)])
        #expect(scene.beat(one).isEmpty)
        #expect(scene.submit(2, service: "other") == [.answered(2, .serviceUnknown, attempt: 0)])
        #expect(scene.count == 0)
    }

    @Test("while the dispatcher settles, it holds requests instead of failing them")
    func settling() {
        let scene = DispatcherScene(isSettled: false)
        #expect(scene.submit(1).isEmpty)
        #expect(scene.ownBeat().isEmpty)
        #expect(scene.advance(by: .milliseconds(2750), presenceFlows: true).isEmpty)
        #expect(scene.advance(by: .milliseconds(250), presenceFlows: true) == [.answered(1, .noConnector, attempt: 0)])
    }

    @Test("a connector that joins while the dispatcher settles is given what waits")
    func joining() {
        let scene = DispatcherScene(isSettled: false)
        #expect(scene.submit(1).isEmpty)
        #expect(scene.beat(one) == [.dispatched(1, attempt: 1, .group)])
        #expect(scene.beat(one).isEmpty)
    }

    @Test("an absence is not believed while the own beat does not come back")
    func notFlowing() {
        let scene = DispatcherScene()
        #expect(scene.advance(by: .seconds(3)).isEmpty)
        #expect(scene.submit(1, within: .seconds(2)).isEmpty)
        #expect(scene.advance(by: .seconds(2)) == [.answered(1, .deadlineExceeded, attempt: 0)])
    }

    @Test("a request waits for a suspect that offers the service and may come back")
    func suspect() {
        let scene = scene(one)
        #expect(scene.closed(one).isEmpty)
        #expect(scene.submit(1).isEmpty)
        #expect(scene.beat(one) == [.dispatched(1, attempt: 1, .group)])
    }

    @Test("a RETURN moves the request to another inbox, and nothing is counted as lost")
    func returns() {
        let scene = scene(one, two)
        #expect(scene.submit(1) == [.dispatched(1, attempt: 1, .group)])
        #expect(scene.returned(1, by: one, .draining) == [.dispatched(1, attempt: 2, .inbox(two.boot))])
        #expect(scene.returned(1, attempt: 2, by: two, .draining).count == 1)
        #expect(scene.count == 1)
    }

    @Test("a RETURN of an earlier attempt, of another than the holder, or of a stranger's request changes nothing")
    func foreignReturns() {
        let scene = scene(one, two)
        _ = scene.submit(1)
        _ = scene.returned(1, by: one, .draining)
        #expect(scene.returned(1, attempt: 1, by: one, .draining).isEmpty)
        #expect(scene.accepted(1, attempt: 2, by: two).isEmpty)
        #expect(scene.returned(1, attempt: 2, by: one, .draining).isEmpty)
        #expect(scene.returned(99, by: one, .draining).isEmpty)
    }

    @Test("what finds no room goes back to the group's queue with the next tick, not in a circle")
    func busy() {
        let scene = scene(one)
        _ = scene.submit(1)
        #expect(scene.returned(1, by: one, .busy).isEmpty)
        #expect(scene.tick() == [.dispatched(1, attempt: 2, .group)])
    }

    @Test("where not all offer the service, it waits until one that does shows room")
    func busyInbox() {
        var (full, other) = (one, two)
        full.credit = 0
        full.inFlight = 5
        other.services = [ServiceOffer("printer")]
        let scene = scene(full, other)
        #expect(scene.submit(1) == [.dispatched(1, attempt: 1, .inbox(one.boot))])
        #expect(scene.returned(1, by: full, .busy).isEmpty)
        #expect(scene.advance(by: .seconds(5), presenceFlows: true, beating: [full, other]).isEmpty)
        full.credit = 1
        #expect(
            scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [full, other])
                == [.dispatched(1, attempt: 2, .inbox(one.boot))])
    }

    @Test("want of room ends with the deadline", arguments: RequestClass.allCases)
    func busyForEver(requestClass: RequestClass) {
        let scene = scene(one)
        _ = scene.submit(1, class: requestClass, within: .seconds(30))
        var attempt: UInt32 = 1
        while scene.count > 0, attempt < 1000 {
            #expect(scene.returned(1, attempt: attempt, by: one, .busy).isEmpty)
            let events = scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [one])
            guard events == [.dispatched(1, attempt: attempt + 1, .group)] else {
                let code: RequestFailure.Code = requestClass == .keyed ? .outcomeUnknown : .deadlineExceeded
                #expect(events == [.answered(1, code, attempt: attempt)])
                break
            }
            attempt += 1
        }
        #expect(attempt == 120)
    }

    @Test("a request that everybody gives back waits longer and longer, up to 6.4 s, until its deadline")
    func returnedForEver() {
        let scene = scene(one)
        _ = scene.submit(1, within: .seconds(60))
        for attempt in UInt32(1)...4 {
            #expect(
                scene.returned(1, attempt: attempt, by: one, .draining)
                    == [.dispatched(1, attempt: attempt + 1, .inbox(one.boot))])
        }
        var attempt: UInt32 = 5
        var pauses: [Duration] = []
        while attempt < 13 {
            #expect(scene.returned(1, attempt: attempt, by: one, .draining).isEmpty)
            let begun = scene.now.steady
            while scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [one]).isEmpty {}
            pauses.append(scene.now.steady - begun)
            attempt += 1
        }
        let expected: [Duration] = [.milliseconds(250), .milliseconds(500), .seconds(1), .milliseconds(1750)]
        #expect(pauses == expected + [.milliseconds(3250)] + Array(repeating: .milliseconds(6500), count: 3))
    }

    @Test(
        "each reason of a RETURN moves the request, but want of room",
        arguments: [
            ReturnMessage.Reason.draining, .serviceUnknown, .busy, .late, .noGrant, .journalUnavailable,
        ])
    func reasons(reason: ReturnMessage.Reason) {
        for requestClass in RequestClass.allCases {
            let scene = scene(one, two)
            _ = scene.submit(1, class: requestClass)
            _ = requestClass == .once ? scene.claimed(1, by: one) : scene.accepted(1, by: one)
            let events = scene.returned(1, by: one, reason)
            #expect(events == (reason == .busy ? [] : [.dispatched(1, attempt: 2, .inbox(two.boot))]))
            if reason == .busy { #expect(scene.tick() == [.dispatched(1, attempt: 2, .group)]) }
        }
    }

    @Test("a RETURN that comes twice moves the request once")
    func returnedTwice() {
        let scene = scene(one, two)
        _ = scene.submit(1)
        #expect(scene.returned(1, by: one, .draining).count == 1)
        #expect(scene.returned(1, by: one, .draining).isEmpty)
    }

    @Test("a RETURN frees what must run only once: it never started there")
    func onceReturned() {
        let scene = scene(one, two)
        _ = scene.submit(1, class: .once)
        #expect(scene.returned(1, by: one, .draining) == [.dispatched(1, attempt: 2, .inbox(two.boot))])
        _ = scene.submit(2, class: .once, within: .seconds(5))
        _ = scene.returned(2, by: one, .busy)
        #expect(scene.closed(one).isEmpty)
        #expect(scene.closed(two).isEmpty)
        let events = scene.advance(by: .seconds(5))
        #expect(events.contains(.answered(2, .deadlineExceeded, attempt: 1)))
    }

    @Test("later attempts go to whoever has the most credit")
    func credit() {
        var (full, free, returning) = (one, two, DispatcherScene.boot("three", 3))
        full.credit = 0
        free.credit = 5
        returning.credit = 1
        let scene = scene(full, free, returning)
        _ = scene.submit(1)
        #expect(scene.returned(1, by: returning, .draining) == [.dispatched(1, attempt: 2, .inbox(free.boot))])
    }

    @Test("what a connector accepted since its last beat is taken off its credit")
    func heldCredit() {
        var (small, large) = (one, two)
        small.credit = 2
        large.credit = 3
        let third = DispatcherScene.boot("three", 3) { $0.credit = 0 }
        let scene = scene(small, large, third)
        for number in UInt64(1)...3 {
            _ = scene.submit(number)
            #expect(scene.accepted(number, by: large).isEmpty)
        }
        _ = scene.submit(9)
        #expect(scene.returned(9, by: third, .draining) == [.dispatched(9, attempt: 2, .inbox(small.boot))])
    }

    @Test("a dispatch that nobody accepts is made again while someone has free credit")
    func acceptance() {
        let scene = scene(one)
        #expect(scene.submit(1) == [.dispatched(1, attempt: 1, .group)])
        #expect(scene.advance(by: .milliseconds(750), beating: [one]).isEmpty)
        #expect(
            scene.advance(by: .milliseconds(250), beating: [one]) == [.dispatched(1, attempt: 2, .inbox(one.boot))])
        #expect(scene.accepted(1, attempt: 2, by: one).isEmpty)
        #expect(scene.advance(by: .milliseconds(4750), beating: [one]).isEmpty)
    }

    @Test("a backlog of honest work is not dispatched again")
    func backlog() {
        var full = one
        full.credit = 0
        full.inFlight = 10
        let scene = scene(full)
        #expect(scene.submit(1) == [.dispatched(1, attempt: 1, .group)])
        #expect(scene.advance(by: .seconds(10), presenceFlows: true, beating: [full]).isEmpty)
    }

    @Test("room for a moment is no reason to send a backlog again; room for a whole second is")
    func momentaryRoom() {
        var full = one
        let scene = scene(full)
        _ = scene.submit(1)
        (full.credit, full.inFlight) = (0, 10)
        #expect(scene.advance(by: .seconds(3), presenceFlows: true, beating: [full]).isEmpty)
        (full.credit, full.inFlight) = (1, 9)
        #expect(scene.advance(by: .milliseconds(750), presenceFlows: true, beating: [full]).isEmpty)
        (full.credit, full.inFlight) = (0, 10)
        #expect(scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [full]).isEmpty)
        (full.credit, full.inFlight) = (1, 9)
        #expect(scene.advance(by: .milliseconds(750), presenceFlows: true, beating: [full]).isEmpty)
        #expect(
            scene.advance(by: .milliseconds(500), presenceFlows: true, beating: [full])
                == [.dispatched(1, attempt: 2, .inbox(one.boot))])
    }

    @Test("what stands behind others in a queue that moves is not sent again; what was passed over is")
    func movingQueue() {
        let scene = scene(one)
        for number in 1...3 { _ = scene.submit(UInt64(number)) }
        #expect(scene.advance(by: .milliseconds(750), presenceFlows: true, beating: [one]).isEmpty)
        #expect(scene.accepted(1, by: one).isEmpty)
        #expect(scene.advance(by: .milliseconds(750), presenceFlows: true, beating: [one]).isEmpty)
        _ = scene.submit(4)
        #expect(scene.accepted(2, by: one).isEmpty)
        #expect(scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [one]).isEmpty)
        #expect(scene.accepted(4, by: one).isEmpty)
        // The word about 3 may still be on its way, beside that about 4.
        #expect(scene.advance(by: .milliseconds(500), presenceFlows: true, beating: [one]).isEmpty)
        #expect(
            scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [one])
                == [.dispatched(3, attempt: 2, .inbox(one.boot))])
    }

    @Test("what left after others stands behind them, whichever was decided first")
    func orderOfLeaving() {
        let scene = scene(one)
        _ = scene.submit(1)
        #expect(scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [one]).isEmpty)
        for number in 2...3 { _ = scene.submit(UInt64(number)) }
        #expect(scene.advance(by: .milliseconds(500), presenceFlows: true, beating: [one]).isEmpty)
        // Its caller's task had to wait for its turn.
        scene.sent(1)
        for number in 2...3 {
            #expect(scene.accepted(UInt64(number), by: one).isEmpty)
            #expect(scene.advance(by: .milliseconds(500), presenceFlows: true, beating: [one]).isEmpty)
        }
        #expect(scene.accepted(1, by: one).isEmpty)
        scene.sent(1)
        #expect(scene.life(1)?.progress.holder?.name == "one", "it is in a hand by now")
    }

    @Test("a dispatch that was lost on its way to the only place of an inbox is sent again")
    func lostInbox() {
        let small = DispatcherScene.boot("one", 1) { $0.credit = 1 }
        let other = DispatcherScene.boot("two", 2) { $0.services = [] }
        let scene = scene(small, other)
        #expect(scene.submit(1) == [.dispatched(1, attempt: 1, .inbox(one.boot))])
        #expect(
            scene.advance(by: .seconds(1), presenceFlows: true, beating: [small, other])
                == [.dispatched(1, attempt: 2, .inbox(one.boot))])
    }

    @Test("each further time it waits longer for ACCEPTED, whatever the class", arguments: RequestClass.allCases)
    func patience(requestClass: RequestClass) {
        let scene = scene(one)
        _ = scene.submit(1, class: requestClass, within: .seconds(12))
        let events = scene.advance(by: .milliseconds(11_750), presenceFlows: true, beating: [one])
        #expect(events == (UInt32(2)...5).map { .dispatched(1, attempt: $0, .inbox(one.boot)) })
        let code: RequestFailure.Code = requestClass == .keyed ? .outcomeUnknown : .deadlineExceeded
        #expect(
            scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [one])
                == [.answered(1, code, attempt: 5)])
    }
}
