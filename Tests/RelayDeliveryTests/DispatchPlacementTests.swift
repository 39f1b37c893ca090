import RelayDelivery
import RelayFormat
import Testing

@Suite("Where a dispatcher sends a request")
struct DispatchPlacementTests {
    private let one = DispatcherScene.boot("one", 1)
    private let two = DispatcherScene.boot("two", 2)

    private func scene(_ boots: DispatcherScene.Boot..., limits: DispatchLimits = .init()) -> DispatcherScene {
        var scene = DispatcherScene(limits: limits)
        for boot in boots { #expect(scene.beat(boot) == [.invited(boot.boot)]) }
        return scene
    }

    @Test("the first attempt goes to the group's queue when all offer the service")
    func groupQueue() {
        var scene = scene(one, two)
        #expect(scene.submit(1) == [.dispatched(1, attempt: 1, .group)])
        #expect(scene.submit(2, class: .once) == [.dispatched(2, attempt: 1, .group)])
    }

    @Test("a connector that was lost is invited again, since it may have forgotten the dispatcher")
    func invitedAgain() {
        var scene = scene(one)
        #expect(scene.beat(one).isEmpty)
        #expect(scene.advance(by: .seconds(4), presenceFlows: true).isEmpty)
        #expect(scene.beat(one) == [.invited(one.boot)])
        #expect(scene.beat(one).isEmpty)
    }

    @Test("it goes to an inbox when not all offer the service")
    func inbox() {
        var other = two
        other.services = ["printer"]
        var scene = scene(one, other)
        #expect(scene.submit(1) == [.dispatched(1, attempt: 1, .inbox(one.boot))])
        #expect(scene.submit(2, service: "printer") == [.dispatched(2, attempt: 1, .inbox(other.boot))])
    }

    @Test("a member that drains does not count among those who should offer it")
    func draining() {
        var other = two
        other.services = ["printer"]
        other.readiness = .draining
        var scene = scene(one, other)
        #expect(scene.submit(1) == [.dispatched(1, attempt: 1, .group)])
        #expect(scene.submit(2, service: "printer") == [.answered(2, .serviceUnknown, attempt: 0)])
    }

    @Test("an observer is nobody to work for")
    func observer() {
        var observer = one
        observer.readiness = .observing
        var scene = scene(observer)
        #expect(scene.submit(1) == [.answered(1, .noConnector, attempt: 0)])
    }

    @Test("nobody there fails at once, and a service that nobody offers is unknown")
    func nobody() {
        var scene = DispatcherScene()
        #expect(scene.submit(1) == [.answered(1, .noConnector, attempt: 0)])
        #expect(scene.beat(one) == [.invited(one.boot)])
        #expect(scene.submit(2, service: "other") == [.answered(2, .serviceUnknown, attempt: 0)])
        #expect(scene.machine.count == 0)
    }

    @Test("while the dispatcher settles, it holds requests instead of failing them")
    func settling() {
        var scene = DispatcherScene(isSettled: false)
        #expect(scene.submit(1).isEmpty)
        #expect(scene.ownBeat().isEmpty)
        #expect(scene.advance(by: .milliseconds(2750), presenceFlows: true).isEmpty)
        #expect(scene.advance(by: .milliseconds(250), presenceFlows: true) == [.answered(1, .noConnector, attempt: 0)])
    }

    @Test("a connector that joins while the dispatcher settles is given what waits")
    func joining() {
        var scene = DispatcherScene(isSettled: false)
        #expect(scene.submit(1).isEmpty)
        #expect(scene.beat(one) == [.invited(one.boot), .dispatched(1, attempt: 1, .group)])
        #expect(scene.beat(one).isEmpty)
    }

    @Test("an absence is not believed while the own beat does not come back")
    func notFlowing() {
        var scene = DispatcherScene()
        #expect(scene.advance(by: .seconds(3)).isEmpty)
        #expect(scene.submit(1, within: .seconds(2)).isEmpty)
        #expect(scene.advance(by: .seconds(2)) == [.answered(1, .deadlineExceeded, attempt: 0)])
    }

    @Test("a request waits for a suspect that offers the service and may come back")
    func suspect() {
        var scene = scene(one)
        #expect(scene.closed(one).isEmpty)
        #expect(scene.submit(1).isEmpty)
        #expect(scene.beat(one) == [.dispatched(1, attempt: 1, .group)])
    }

    @Test("a RETURN moves the request to another inbox, and no attempt is counted")
    func returns() {
        var scene = scene(one, two, limits: DispatchLimits(attempts: 1))
        #expect(scene.submit(1) == [.dispatched(1, attempt: 1, .group)])
        #expect(scene.returned(1, by: one, .draining) == [.dispatched(1, attempt: 2, .inbox(two.boot))])
        #expect(scene.returned(1, attempt: 2, by: two, .draining).count == 1)
        #expect(scene.machine.count == 1)
    }

    @Test("a RETURN of an earlier attempt, of another than the holder, or of a stranger's request changes nothing")
    func foreignReturns() {
        var scene = scene(one, two)
        _ = scene.submit(1)
        _ = scene.returned(1, by: one, .draining)
        #expect(scene.returned(1, attempt: 1, by: one, .draining).isEmpty)
        #expect(scene.accepted(1, attempt: 2, by: two).isEmpty)
        #expect(scene.returned(1, attempt: 2, by: one, .draining).isEmpty)
        #expect(scene.returned(99, by: one, .draining).isEmpty)
    }

    @Test("what finds no room goes back to the group's queue with the next tick, not in a circle")
    func busy() {
        var scene = scene(one)
        _ = scene.submit(1)
        #expect(scene.returned(1, by: one, .busy).isEmpty)
        #expect(scene.tick() == [.dispatched(1, attempt: 2, .group)])
    }

    @Test("where not all offer the service, it waits until one that does shows room")
    func busyInbox() {
        var (full, other) = (one, two)
        full.credit = 0
        full.inFlight = 5
        other.services = ["printer"]
        var scene = scene(full, other)
        #expect(scene.submit(1) == [.dispatched(1, attempt: 1, .inbox(one.boot))])
        #expect(scene.returned(1, by: full, .busy).isEmpty)
        #expect(scene.advance(by: .seconds(5), presenceFlows: true, beating: [full, other]).isEmpty)
        full.credit = 1
        #expect(
            scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [full, other])
                == [.dispatched(1, attempt: 2, .inbox(one.boot))])
    }

    @Test("want of room ends with the deadline, and nothing has run", arguments: RequestClass.allCases)
    func busyForEver(requestClass: RequestClass) {
        var scene = scene(one)
        _ = scene.submit(1, class: requestClass, within: .seconds(30))
        var attempt: UInt32 = 1
        while scene.machine.count > 0, attempt < 1000 {
            #expect(scene.returned(1, attempt: attempt, by: one, .busy).isEmpty)
            let events = scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [one])
            guard events == [.dispatched(1, attempt: attempt + 1, .group)] else {
                #expect(events == [.answered(1, .deadlineExceeded, attempt: attempt)])
                break
            }
            attempt += 1
        }
        #expect(attempt == 120)
    }

    @Test("a request that everybody gives back for other reasons ends as overloaded")
    func returnedForEver() {
        var scene = scene(one)
        _ = scene.submit(1)
        var events: [DispatcherScene.Event] = []
        for attempt in UInt32(1)...50 { events = scene.returned(1, attempt: attempt, by: one, .draining) }
        #expect(events == [.answered(1, .overloaded, attempt: 50)])
    }

    @Test("a RETURN frees what must run only once: it never started there")
    func onceReturned() {
        var scene = scene(one, two)
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
        var scene = scene(full, free, returning)
        _ = scene.submit(1)
        #expect(scene.returned(1, by: returning, .draining) == [.dispatched(1, attempt: 2, .inbox(free.boot))])
    }

    @Test("what a connector accepted since its last beat is taken off its credit")
    func heldCredit() {
        var (small, large) = (one, two)
        small.credit = 2
        large.credit = 3
        let third = DispatcherScene.boot("three", 3) { $0.credit = 0 }
        var scene = scene(small, large, third)
        for number in UInt64(1)...3 {
            _ = scene.submit(number)
            #expect(scene.accepted(number, by: large).isEmpty)
        }
        _ = scene.submit(9)
        #expect(scene.returned(9, by: third, .draining) == [.dispatched(9, attempt: 2, .inbox(small.boot))])
    }

    @Test("a dispatch that nobody accepts is made again while someone has free credit")
    func acceptance() {
        var scene = scene(one)
        #expect(scene.submit(1) == [.dispatched(1, attempt: 1, .group)])
        #expect(scene.advance(by: .milliseconds(750), beating: [one]).isEmpty)
        #expect(
            scene.advance(by: .milliseconds(250), beating: [one]) == [.dispatched(1, attempt: 2, .inbox(one.boot))])
        #expect(scene.accepted(1, attempt: 2, by: one).isEmpty)
        #expect(scene.advance(by: .seconds(5), beating: [one]).isEmpty)
    }

    @Test("what was given back does not put off the moment when silence counts")
    func acceptanceAfterReturns() {
        var scene = scene(one)
        _ = scene.submit(1)
        for attempt in UInt32(1)...20 {
            #expect(scene.returned(1, attempt: attempt, by: one, .busy).isEmpty)
            #expect(scene.tick() == [.dispatched(1, attempt: attempt + 1, .group)])
        }
        #expect(
            scene.advance(by: .seconds(1), presenceFlows: true, beating: [one])
                == [.dispatched(1, attempt: 22, .inbox(one.boot))])
    }

    @Test("a backlog of honest work is not dispatched again")
    func backlog() {
        var full = one
        full.credit = 0
        full.inFlight = 10
        var scene = scene(full)
        #expect(scene.submit(1) == [.dispatched(1, attempt: 1, .group)])
        #expect(scene.advance(by: .seconds(10), presenceFlows: true, beating: [full]).isEmpty)
    }

    @Test("what is not safe is never dispatched again on a guess")
    func acceptanceOnce() {
        var scene = scene(one)
        for (number, requestClass) in [(UInt64(1), RequestClass.once), (2, .keyed)] {
            _ = scene.submit(number, class: requestClass)
        }
        #expect(scene.advance(by: .seconds(20), presenceFlows: true, beating: [one]).isEmpty)
    }

    @Test("when nobody accepts any attempt, the last one stays until the deadline")
    func lastAttempt() {
        var scene = scene(one, limits: DispatchLimits(attempts: 2))
        _ = scene.submit(1)
        let events = scene.advance(by: .seconds(29), presenceFlows: true, beating: [one])
        #expect(events == [.dispatched(1, attempt: 2, .inbox(one.boot))])
        #expect(
            scene.advance(by: .seconds(1), presenceFlows: true, beating: [one])
                == [.answered(1, .deadlineExceeded, attempt: 2)])
    }
}
