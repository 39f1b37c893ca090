import RelayDelivery
import RelayFormat
import Testing

@Suite("What a dispatcher does when a connector is lost")
struct DispatchLossTests {
    private let one = DispatcherScene.boot("one", 1)
    private let two = DispatcherScene.boot("two", 2)

    /// Two connectors; the first has accepted request 1.
    private func held(_ requestClass: RequestClass, alone: Bool = false) -> DispatcherScene {
        var scene = DispatcherScene()
        _ = scene.beat(one)
        if !alone { _ = scene.beat(two) }
        _ = scene.submit(1, class: requestClass)
        #expect(scene.accepted(1, by: one).isEmpty)
        return scene
    }

    @Test("a closed link moves what is safe at once")
    func linkClosedSafe() {
        var scene = held(.safe)
        #expect(scene.closed(one) == [.dispatched(1, attempt: 2, .inbox(two.boot))])
        #expect(scene.closed(one).isEmpty)
    }

    @Test(
        "a closed link keeps what is not safe until the connector is lost, then nobody knows",
        arguments: [
            RequestClass.once, .keyed,
        ])
    func linkClosedOnce(requestClass: RequestClass) {
        var scene = held(requestClass)
        #expect(scene.closed(one).isEmpty)
        #expect(scene.advance(by: .seconds(3), presenceFlows: true, beating: [two]).isEmpty)
        #expect(
            scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [two])
                == [.answered(1, .outcomeUnknown, attempt: 1)])
    }

    @Test("a revoked connector is lost at once: safe work moves, other work is unknown, nobody waits for it")
    func revoked() {
        var scene = held(.safe)
        #expect(scene.revoked(one) == [.dispatched(1, attempt: 2, .inbox(two.boot))])
        var other = held(.once)
        #expect(other.revoked(one) == [.answered(1, .outcomeUnknown, attempt: 1)])
        var alone = held(.safe, alone: true)
        #expect(alone.revoked(one) == [.answered(1, .noConnector, attempt: 1)])
    }

    @Test("a link that comes back in time keeps what is not safe")
    func linkReturns() {
        var scene = held(.once)
        _ = scene.closed(one)
        _ = scene.advance(by: .seconds(3), presenceFlows: true, beating: [two])
        #expect(scene.beat(one).isEmpty)
        #expect(scene.advance(by: .seconds(5), presenceFlows: true, beating: [one, two]).isEmpty)
        #expect(scene.responded(1, by: one) == [.answered(1, nil, attempt: 1)])
    }

    @Test("silence is suspected after 2.25 beats and believed after 3.25")
    func silence() {
        var scene = held(.safe)
        _ = scene.advance(by: .seconds(2), presenceFlows: true, beating: [two])
        #expect(scene.machine.presence.peers[one.boot]?.standing == .online)
        #expect(scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [two]).isEmpty)
        #expect(scene.machine.presence.peers[one.boot]?.standing == .suspect(.silent))
        #expect(scene.advance(by: .milliseconds(750), presenceFlows: true, beating: [two]).isEmpty)
        #expect(
            scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [two])
                == [.dispatched(1, attempt: 2, .inbox(two.boot))])
        #expect(scene.machine.presence.peers[one.boot]?.standing == .lost)
    }

    @Test("silence proves nothing while the own beat does not come back")
    func noFlow() {
        var scene = held(.once)
        #expect(scene.advance(by: .seconds(20)).isEmpty)
        #expect(scene.ownBeat().isEmpty)
        #expect(scene.advance(by: .seconds(2), presenceFlows: true).isEmpty)
        #expect(scene.beat(one).isEmpty)
        #expect(scene.responded(1, by: one) == [.answered(1, nil, attempt: 1)])
    }

    @Test("a higher boot number of the same connector ends the lower one")
    func newerBoot() {
        var scene = held(.once)
        var restarted = one
        restarted.boot = BootID(high: 7, low: 100)
        restarted.number = 2
        #expect(scene.beat(restarted) == [.invited(restarted.boot), .answered(1, .outcomeUnknown, attempt: 1)])
        #expect(scene.machine.presence.peers[one.boot]?.standing == .lost)
    }

    @Test("a late beat of an older boot is ignored")
    func olderBoot() {
        var scene = held(.safe)
        var restarted = one
        restarted.boot = BootID(high: 7, low: 100)
        restarted.number = 2
        #expect(scene.beat(restarted).count == 2)
        #expect(scene.beat(one).isEmpty)
        #expect(scene.machine.presence.peers[one.boot]?.standing == .lost)
        #expect(scene.machine.presence.peers[restarted.boot]?.standing == .online)
    }

    @Test("an observer of the same identity takes nobody's place")
    func observer() {
        var scene = held(.once)
        var observer = one
        observer.boot = BootID(high: 7, low: 100)
        observer.number = 9
        observer.readiness = .observing
        #expect(scene.beat(observer) == [.invited(observer.boot)])
        #expect(scene.machine.presence.peers[one.boot]?.standing == .online)
    }

    @Test("what was on its way to an inbox moves when its link closes, and is unknown when it must run once")
    func inboxLost() {
        var special = one
        special.services = ["web", "special"]
        var scene = DispatcherScene()
        _ = scene.beat(special)
        _ = scene.beat(two)
        #expect(scene.submit(1, service: "special") == [.dispatched(1, attempt: 1, .inbox(one.boot))])
        #expect(scene.submit(2, class: .once, service: "special").count == 1)
        #expect(scene.closed(special).isEmpty, "nobody else offers it, and this one may come back")
        let events = scene.advance(by: .milliseconds(3250), presenceFlows: true, beating: [two])
        #expect(Set(events.map { "\($0)" }).count == 2)
        #expect(events.contains(.answered(1, .serviceUnknown, attempt: 1)))
        #expect(events.contains(.answered(2, .outcomeUnknown, attempt: 1)))
    }

    @Test("an ACCEPTED that comes after its sender's link closed does not bind the request to it")
    func acceptedAfterClose() {
        var scene = DispatcherScene()
        _ = scene.beat(one)
        _ = scene.beat(two)
        _ = scene.submit(1)
        #expect(scene.closed(one).isEmpty)
        #expect(scene.accepted(1, by: one) == [.dispatched(1, attempt: 2, .inbox(two.boot))])
    }

    @Test("an ACCEPTED that comes after its sender was lost says that nobody knows, and says it at once")
    func acceptedAfterLoss() {
        var scene = DispatcherScene()
        _ = scene.beat(one)
        _ = scene.beat(two)
        _ = scene.submit(1, class: .once)
        _ = scene.submit(2)
        _ = scene.closed(one)
        _ = scene.advance(by: .milliseconds(900), presenceFlows: true, beating: [two])
        var restarted = one
        restarted.boot = BootID(high: 7, low: 100)
        restarted.number = 2
        _ = scene.beat(restarted)
        #expect(scene.accepted(1, by: one) == [.answered(1, .outcomeUnknown, attempt: 1)])
        #expect(scene.accepted(2, by: one).count == 1)
    }

    @Test("a late ACCEPTED of a lost boot takes nothing from the boot that has it")
    func acceptedByGhost() {
        var scene = held(.safe)
        _ = scene.closed(one)
        #expect(scene.accepted(1, attempt: 2, by: two).isEmpty)
        #expect(scene.accepted(1, attempt: 2, by: one).isEmpty)
        #expect(scene.accepted(1, attempt: 1, by: one).isEmpty)
        #expect(scene.advance(by: .seconds(10), presenceFlows: true, beating: [two]).isEmpty)
        #expect(scene.responded(1, attempt: 2, by: two) == [.answered(1, nil, attempt: 2)])
    }

    @Test("a boot that accepts and is never seen to beat is lost after a while")
    func stranger() {
        var scene = DispatcherScene()
        _ = scene.beat(two)
        _ = scene.submit(1)
        #expect(scene.accepted(1, by: one).isEmpty)
        #expect(scene.advance(by: .milliseconds(4750), presenceFlows: true, beating: [two]).isEmpty)
        #expect(
            scene.advance(by: .milliseconds(250), presenceFlows: true, beating: [two])
                == [.dispatched(1, attempt: 2, .inbox(two.boot))])
    }

    @Test("while a holder lives, another's report that the record came again is no answer")
    func reportOfRedelivery() {
        var scene = held(.once)
        _ = scene.closed(one)
        #expect(scene.responded(1, by: two, DispatcherScene.unknown).isEmpty)
        _ = scene.beat(one)
        #expect(scene.responded(1, by: one) == [.answered(1, nil, attempt: 1)])
    }

    @Test("when nobody is known to have it, that report is the answer")
    func reportOfUnknownHolder() {
        var scene = DispatcherScene()
        _ = scene.beat(one)
        _ = scene.beat(two)
        _ = scene.submit(1, class: .once)
        #expect(scene.responded(1, by: two, DispatcherScene.unknown) == [.answered(1, .outcomeUnknown, attempt: 1)])
    }

    @Test("after each of its holders was lost, a safe request ends too")
    func poison() {
        var scene = DispatcherScene(limits: DispatchLimits(attempts: 2))
        let third = DispatcherScene.boot("three", 3)
        for boot in [one, two, third] { _ = scene.beat(boot) }
        _ = scene.submit(1)
        _ = scene.accepted(1, by: one)
        guard case .dispatched(1, 2, .inbox(let next))? = scene.closed(one).first else {
            Issue.record("no second attempt")
            return
        }
        let second = next == two.boot ? two : third
        _ = scene.accepted(1, attempt: 2, by: second)
        #expect(scene.closed(second) == [.answered(1, .outcomeUnknown, attempt: 2)])
    }
}
