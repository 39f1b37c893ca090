import RelayDelivery
import RelayFormat
import Testing

@Suite("Outcomes that are unknown, and become known")
struct DispatchUnresolvedTests {
    private let one = DispatcherScene.boot("one", 1)
    private let two = DispatcherScene.boot("two", 2)

    /// Request 1 was granted to the first connector, which was lost.
    private func unknown(durable: Bool = false, limits: DispatchLimits = .init()) -> DispatcherScene {
        let scene = DispatcherScene(limits: limits)
        _ = scene.beat(one)
        _ = scene.beat(two)
        _ = scene.submit(1, class: .once, durable: durable)
        _ = scene.write()
        _ = scene.claimed(1, by: one)
        _ = scene.write()
        let events = scene.beat(one.successor) + scene.write()
        #expect(events.contains(.answered(1, .outcomeUnknown, attempt: 1)))
        #expect(scene.isUnresolved(1))
        return scene
    }

    private func wait(_ scene: DispatcherScene, _ duration: Duration) -> [DispatcherScene.Event] {
        scene.advance(by: duration, presenceFlows: true, beating: [one.successor, two])
    }

    @Test("the connector's next process is asked, and its answer resolves the request, once")
    func resolved() {
        let scene = unknown()
        #expect(wait(scene, .seconds(1)) == [.asked(one.successor.boot, [1])])
        #expect(scene.known(1, by: one.successor, .finished).isEmpty)
        #expect(scene.responded(1, by: two) == [.receipt(1, two.boot)], "another connector cannot know")
        #expect(scene.responded(1, attempt: 2, by: one.successor) == [.receipt(1, one.successor.boot)])
        #expect(scene.responded(1, by: one.successor) == [.receipt(1, one.successor.boot), .resolved(1, nil)])
        #expect(scene.responded(1, by: one.successor) == [.receipt(1, one.successor.boot)])
        #expect(!scene.isUnresolved(1))
        #expect(scene.takeLateReplies() == 3)
    }

    @Test("the process itself may come back and answer")
    func sameBoot() {
        let scene = DispatcherScene()
        _ = scene.beat(one)
        _ = scene.submit(1, class: .once)
        _ = scene.claimed(1, by: one)
        #expect(
            scene.advance(by: .seconds(4), presenceFlows: true).filter { $0 != .asked(one.boot, [1]) }
                == [.answered(1, .outcomeUnknown, attempt: 1)])
        _ = scene.beat(one)
        #expect(scene.advance(by: .seconds(1), presenceFlows: true, beating: [one]) == [.asked(one.boot, [1])])
        #expect(scene.known(1, by: one, .running).isEmpty)
        #expect(scene.responded(1, by: one) == [.receipt(1, one.boot), .resolved(1, nil)])
    }

    @Test("that nothing more is known ends the asking", arguments: [KnownMessage.Knowledge.notKnown, .interrupted])
    func dismissed(knowledge: KnownMessage.Knowledge) {
        let scene = unknown()
        #expect(scene.known(1, by: two, knowledge).isEmpty)
        #expect(scene.known(1, attempt: 9, by: one.successor, knowledge).isEmpty)
        #expect(scene.known(1, by: one.successor, knowledge) == [.resolved(1, .outcomeUnknown)])
        #expect(scene.known(1, by: one.successor, knowledge).isEmpty)
        #expect(wait(scene, .seconds(31)).isEmpty)
    }

    @Test("a reply that nobody knows ends the asking, too")
    func unknownReply() {
        let scene = unknown()
        #expect(
            scene.responded(1, by: one.successor, DispatcherScene.unknown)
                == [.receipt(1, one.successor.boot), .resolved(1, .outcomeUnknown)])
    }

    @Test("it is asked again every half minute, and for a day at most")
    func asking() {
        let scene = unknown(limits: DispatchLimits(resolution: .seconds(70)))
        let events = wait(scene, .seconds(100))
        #expect(events.count == 3)
        #expect(events.allSatisfy { $0 == .asked(one.successor.boot, [1]) })
        #expect(!scene.isUnresolved(1))
    }

    @Test("beyond the limit the oldest are given up")
    func bounded() {
        let scene = DispatcherScene(limits: DispatchLimits(unresolved: 2))
        _ = scene.beat(one)
        for number in UInt64(1)...3 {
            _ = scene.submit(number, class: .once, within: .seconds(Int(number)))
            _ = scene.claimed(number, by: one)
        }
        _ = scene.advance(by: .seconds(3), presenceFlows: true, beating: [one])
        #expect((UInt64(1)...3).filter { scene.isUnresolved($0) } == [2, 3])
    }

    @Test("of a durable request the ledger has the outcome before its connector has the receipt")
    func durable() {
        let scene = unknown(durable: true)
        #expect(scene.responded(1, by: one.successor) == [.recorded(1, [.resolved])])
        #expect(scene.responded(1, by: one.successor).isEmpty, "no receipt before the ledger has it")
        #expect(scene.write() == [.receipt(1, one.successor.boot), .resolved(1, nil)])
        #expect(scene.ledger[DispatcherScene.id(1)]?.ending?.isUnknown == false)
        #expect(scene.ledger[DispatcherScene.id(1)]?.progress.standing == .waiting)
        #expect(scene.responded(1, by: one.successor) == [.receipt(1, one.successor.boot)])
    }

    @Test("the ledger keeps what is unresolved over a restart of the dispatcher, and forgets what was dismissed")
    func restart() {
        let scene = unknown(durable: true)
        let submission = scene.submission(1, class: .once, durable: true)
        let next = scene.restarted(1, as: submission, after: .seconds(1))
        #expect(next.count == 0)
        #expect(next.isUnresolved(1))
        _ = next.beat(one.successor)
        #expect(
            next.advance(by: .seconds(1), presenceFlows: true, beating: [one.successor])
                == [.asked(one.successor.boot, [1])])
        #expect(next.known(1, by: one.successor, .interrupted) == [.recorded(1, [.known])])
        #expect(next.write() == [.resolved(1, .outcomeUnknown)])
        let change = next.ledger[DispatcherScene.id(1)]
        #expect(change?.ending?.isUnknown == true)
        #expect(change?.progress.standing == .waiting, "so that the next restart leaves it alone")
    }

    @Test("an outcome of which the connector itself says that nobody knows it is not asked for again")
    func saidByConnector() {
        let scene = DispatcherScene()
        _ = scene.beat(one)
        _ = scene.submit(1, class: .once, durable: true)
        _ = scene.write()
        _ = scene.claimed(1, by: one)
        _ = scene.write()
        #expect(scene.responded(1, by: one, DispatcherScene.unknown) == [.recorded(1, [.failed])])
        #expect(scene.write() == [.receipt(1, one.boot), .answered(1, .outcomeUnknown, attempt: 1)])
        #expect(scene.ledger[DispatcherScene.id(1)]?.progress.standing == .waiting)
        #expect(!scene.isUnresolved(1))
    }
}
