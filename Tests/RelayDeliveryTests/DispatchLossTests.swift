import RelayDelivery
import RelayFormat
import Testing

@Suite("What a dispatcher does when a connector is lost")
struct DispatchLossTests {
    private let one = DispatcherScene.boot("one", 1)
    private let two = DispatcherScene.boot("two", 2)

    /// Two connectors; the first has accepted request 1.
    private func held(_ requestClass: RequestClass, alone: Bool = false) -> DispatcherScene {
        let scene = DispatcherScene()
        _ = scene.beat(one)
        if !alone { _ = scene.beat(two) }
        _ = scene.submit(1, class: requestClass)
        if requestClass == .once {
            #expect(scene.claimed(1, by: one) == [.granted(1, attempt: 1, one.boot)])
        } else {
            #expect(scene.accepted(1, by: one).isEmpty)
        }
        return scene
    }

    @Test("a closed link moves at once what may run twice", arguments: [RequestClass.safe, .keyed])
    func linkClosed(requestClass: RequestClass) {
        let scene = held(requestClass)
        #expect(scene.closed(one) == [.dispatched(1, attempt: 2, .inbox(two.boot))])
        #expect(scene.closed(one).isEmpty)
    }

    @Test("a closed link keeps what runs only once until the connector is lost, then nobody knows")
    func linkClosedOnce() {
        let scene = held(.once)
        #expect(scene.closed(one).isEmpty)
        #expect(scene.advance(by: .seconds(3), presenceFlows: true, beating: [two]).isEmpty)
        #expect(
            scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [two])
                == [.answered(1, .outcomeUnknown, attempt: 1)])
    }

    @Test("a revoked connector is lost at once: what may run twice moves, what was granted is unknown")
    func revoked() {
        let scene = held(.safe)
        #expect(scene.revoked(one) == [.dispatched(1, attempt: 2, .inbox(two.boot))])
        let other = held(.once)
        #expect(other.revoked(one) == [.answered(1, .outcomeUnknown, attempt: 1)])
        let alone = held(.safe, alone: true)
        #expect(alone.revoked(one) == [.answered(1, .noConnector, attempt: 1)])
        let keyed = held(.keyed, alone: true)
        #expect(keyed.revoked(one) == [.answered(1, .outcomeUnknown, attempt: 1)], "it may have run")
    }

    @Test("a link that comes back in time keeps what is not safe")
    func linkReturns() {
        let scene = held(.once)
        _ = scene.closed(one)
        _ = scene.advance(by: .seconds(3), presenceFlows: true, beating: [two])
        #expect(scene.beat(one) == [.asked(one.boot, [1])])
        #expect(scene.advance(by: .milliseconds(4750), presenceFlows: true, beating: [one, two]).isEmpty)
        #expect(scene.responded(1, by: one) == [.receipt(1, one.boot), .answered(1, nil, attempt: 1)])
    }

    @Test("silence is suspected after 2.25 beats and believed after 3.25")
    func silence() {
        let scene = held(.safe)
        _ = scene.advance(by: .seconds(2), presenceFlows: true, beating: [two])
        #expect(scene.presence.peers[one.boot]?.standing == .online)
        #expect(scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [two]).isEmpty)
        #expect(scene.presence.peers[one.boot]?.standing == .suspect(.silent))
        #expect(scene.advance(by: .milliseconds(750), presenceFlows: true, beating: [two]).isEmpty)
        #expect(
            scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [two])
                == [.dispatched(1, attempt: 2, .inbox(two.boot))])
        #expect(scene.presence.peers[one.boot]?.standing == .lost)
    }

    @Test("silence proves nothing while the own beat does not come back")
    func noFlow() {
        let scene = held(.once)
        #expect(scene.advance(by: .seconds(20)).allSatisfy { $0 == .asked(one.boot, [1]) })
        #expect(scene.ownBeat().isEmpty)
        #expect(scene.advance(by: .seconds(2), presenceFlows: true).isEmpty)
        #expect(scene.beat(one) == [.asked(one.boot, [1])])
        #expect(scene.responded(1, by: one).last == .answered(1, nil, attempt: 1))
    }

    @Test("a higher boot number of the same connector ends the lower one")
    func newerBoot() {
        let scene = held(.once)
        let restarted = one.successor
        scene.showsInvitations = true
        #expect(
            scene.beat(restarted) == [
                .invited(restarted.boot), .answered(1, .outcomeUnknown, attempt: 1), .dismissed(one.boot),
            ])
        #expect(scene.presence.peers[one.boot]?.standing == .lost)
    }

    @Test("an older boot that still beats is told to go")
    func olderBoot() {
        let scene = held(.safe)
        let restarted = one.successor
        let events = scene.beat(restarted)
        #expect(events.count == 2, "its request moves")
        #expect(events.last == .dismissed(one.boot))
        #expect(scene.beat(one) == [.dismissed(one.boot)])
        #expect(scene.presence.peers[one.boot]?.standing == .lost)
        #expect(scene.presence.peers[restarted.boot]?.standing == .online)
    }

    @Test("an observer of the same identity takes nobody's place")
    func observer() {
        let scene = held(.once)
        var observer = one
        observer.boot = BootID(high: 7, low: 100)
        observer.number = 9
        observer.readiness = .observing
        #expect(scene.beat(observer).isEmpty)
        #expect(scene.presence.peers[one.boot]?.standing == .online)
    }

    @Test("what was on its way to an inbox waits when its link closes, and was not started when it must run once")
    func inboxLost() {
        var special = one
        special.services = ["web", "special"].map { ServiceOffer($0) }
        let scene = DispatcherScene()
        _ = scene.beat(special)
        _ = scene.beat(two)
        #expect(scene.submit(1, service: "special") == [.dispatched(1, attempt: 1, .inbox(one.boot))])
        #expect(scene.submit(2, class: .once, service: "special").count == 1)
        #expect(scene.submit(3, class: .keyed, service: "special").count == 1)
        #expect(scene.closed(special).isEmpty, "nobody else offers it, and this one may come back")
        let events = scene.advance(by: .milliseconds(3250), presenceFlows: true, beating: [two])
        #expect(events.count == 3)
        #expect(events.contains(.answered(1, .serviceUnknown, attempt: 1)))
        #expect(events.contains(.answered(2, .serviceUnknown, attempt: 1)))
        #expect(events.contains(.answered(3, .outcomeUnknown, attempt: 1)))
    }

    @Test("an ACCEPTED that comes after its sender's link closed does not bind the request to it")
    func acceptedAfterClose() {
        let scene = DispatcherScene()
        _ = scene.beat(one)
        _ = scene.beat(two)
        _ = scene.submit(1)
        #expect(scene.closed(one).isEmpty)
        #expect(scene.accepted(1, by: one) == [.dispatched(1, attempt: 2, .inbox(two.boot))])
    }

    @Test("a late ACCEPTED of a lost boot takes nothing from the boot that has it")
    func acceptedByGhost() {
        let scene = held(.safe)
        _ = scene.closed(one)
        #expect(scene.accepted(1, attempt: 2, by: two).isEmpty)
        #expect(scene.accepted(1, attempt: 2, by: one).isEmpty)
        #expect(scene.accepted(1, attempt: 1, by: one).isEmpty)
        #expect(scene.advance(by: .milliseconds(4750), presenceFlows: true, beating: [two]).isEmpty)
        #expect(scene.responded(1, attempt: 2, by: two) == [.receipt(1, two.boot), .answered(1, nil, attempt: 2)])
    }

    @Test("a boot that accepts and is never seen to beat is lost after a while")
    func stranger() {
        let scene = DispatcherScene()
        _ = scene.beat(two)
        _ = scene.submit(1)
        #expect(scene.accepted(1, by: one).isEmpty)
        #expect(scene.advance(by: .milliseconds(4750), presenceFlows: true, beating: [two]).isEmpty)
        #expect(
            scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [two])
                == [.dispatched(1, attempt: 2, .inbox(two.boot))])
    }

    /// Lets the request's holders be lost one after the other, and returns what was done each time.
    private func lose(_ count: Int, of requestClass: RequestClass, in scene: DispatcherScene) -> [DispatcherScene.Event]
    {
        var holder = one
        var last: [DispatcherScene.Event] = []
        for attempt in UInt32(1)...UInt32(count) {
            _ = scene.accepted(1, attempt: attempt, by: holder)
            holder = holder.successor
            last = scene.beat(holder).filter { $0 != .dismissed(BootID(high: 7, low: holder.boot.low - 100)) }
            if last.isEmpty { last = scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [holder]) }
        }
        return last
    }

    @Test(
        "from the third attempt on it runs alone, and after five losses it is a dead letter",
        arguments: [RequestClass.safe, .keyed])
    func poison(requestClass: RequestClass) {
        func poisoned() -> DispatcherScene { held(requestClass, alone: true) }
        let next = { (count: UInt64) in DispatcherScene.Machine.Route.inbox(BootID(high: 7, low: 1 + 100 * count)) }
        #expect(lose(1, of: requestClass, in: poisoned()) == [.dispatched(1, attempt: 2, next(1))])
        #expect(lose(2, of: requestClass, in: poisoned()) == [.dispatched(1, attempt: 3, next(2), alone: true)])
        #expect(lose(4, of: requestClass, in: poisoned()) == [.dispatched(1, attempt: 5, next(4), alone: true)])
        #expect(lose(5, of: requestClass, in: poisoned()) == [.answered(1, .deadLetter, attempt: 5)])
    }

    @Test("a loss is none when the boot comes back, also with another readiness than before")
    func undone() {
        for readiness in [BeatMessage.Readiness.ready, .draining] {
            let scene = held(.safe)
            _ = scene.closed(one)
            #expect(scene.life(1)?.progress.losses == 1)
            var returned = one
            returned.readiness = readiness
            _ = scene.beat(returned)
            #expect(scene.life(1)?.progress.losses == 0)
            #expect(scene.responded(1, by: one).last == .answered(1, nil, attempt: 1))
        }
    }

    @Test("what was given back, or lost on its way to an inbox, is no loss")
    func noLoss() {
        let scene = held(.safe)
        _ = scene.returned(1, by: one, .draining)
        _ = scene.closed(two)
        let progress = scene.life(1)?.progress
        #expect(progress?.losses == 0)
        #expect(progress?.attempt == 3)
    }

    @Test("that an attempt was interrupted by the end of its process counts as one loss, however often it is said")
    func interrupted() {
        let scene = DispatcherScene()
        _ = scene.beat(one)
        _ = scene.beat(two)
        _ = scene.submit(1, class: .keyed)
        #expect(scene.known(1, by: one.successor, .interrupted).count == 1)
        #expect(scene.known(1, by: one.successor, .interrupted).isEmpty)
        #expect(scene.life(1)?.progress.losses == 1)
    }

    @Test("a holder that says nothing for five seconds is asked", arguments: KnownMessage.Knowledge.allCases)
    func asked(knowledge: KnownMessage.Knowledge) {
        let scene = held(.keyed)
        #expect(scene.advance(by: .milliseconds(4750), presenceFlows: true, beating: [one, two]).isEmpty)
        let events = scene.advance(by: .seconds(1), presenceFlows: true, beating: [one, two])
        #expect(events == [.asked(one.boot, [1])])
        let answers = scene.known(1, by: one, knowledge)
        #expect(scene.known(1, by: two, knowledge).isEmpty)
        switch knowledge {
        case .queued, .running, .finished:
            #expect(answers.isEmpty)
            let more = scene.advance(by: .seconds(6), presenceFlows: true, beating: [one, two])
            #expect(more == [.asked(one.boot, [1])], "and asked again")
        case .notKnown: #expect(answers == [.dispatched(1, attempt: 2, .inbox(two.boot))])
        case .interrupted: #expect(answers.count == 1)
        }
        let losses = scene.life(1)?.progress.losses
        #expect(losses == (knowledge == .interrupted ? 1 : 0))
    }
}
