import RelayDelivery
import RelayFormat
import Testing

@Suite("What a connector does with claims, orders and its journal")
struct ExecutionClaimTests {
    private let failure = ResponseMessage.Outcome.failed(RequestFailure(.outcomeUnknown, "it broke off"))

    @Test("a claim starts when it is granted and written down, in whichever order")
    func grantAndDisk() {
        var scene = ExecutionScene(hasJournal: true)
        #expect(scene.admit(1, as: .once) == .claim(1, .once, writes: true))
        #expect(scene.grant(1) == [])
        #expect(scene.written(1) == [.run(1)])
        #expect(scene.grant(1) == [], "a second grant starts nothing")
        #expect(scene.admit(2, as: .once) == .claim(2, .once, writes: true))
        #expect(scene.written(2) == [])
        #expect(scene.ask(2) == .queued)
        #expect(scene.grant(2) == [.run(2)])
        #expect(scene.ask(2) == .running)
    }

    @Test("a grant of another attempt, or of what is not claimed, starts nothing")
    func foreignGrant() {
        var scene = ExecutionScene()
        _ = scene.admit(1, attempt: 2, as: .once)
        #expect(scene.grant(1, attempt: 1) == [])
        #expect(scene.grant(1, attempt: 3) == [])
        #expect(scene.grant(9) == [])
        #expect(scene.grant(1, attempt: 2) == [.run(1)])
    }

    @Test("a claim is said again after a second, and given back after two; a grant after that is ignored")
    func noGrant() {
        var scene = ExecutionScene()
        #expect(scene.admit(1, as: .once, by: "a") == .claim(1, .once, writes: false))
        scene.wait(.milliseconds(999))
        #expect(scene.tick() == [])
        scene.wait(.milliseconds(1))
        #expect(scene.tick() == [.claim(1, .once, writes: false)])
        scene.wait(.milliseconds(999))
        #expect(scene.tick() == [])
        scene.wait(.milliseconds(1))
        #expect(scene.tick() == [.giveBack(1, .noGrant, ["a"])])
        #expect(scene.grant(1) == [])
        #expect(scene.admit(1, as: .once) == .giveBack(1, .late, []))
        #expect(scene.admit(1, attempt: 2, as: .once) == .claim(1, .once, writes: false))
    }

    @Test("a grant that waited while the process stood still starts nothing")
    func heldUp() {
        var scene = ExecutionScene(hasJournal: true)
        _ = scene.admit(1, as: .once, by: "a")
        _ = scene.written(1)
        scene.wait(.seconds(20))
        #expect(scene.grant(1) == [.withdraw(1, attempt: 1), .giveBack(1, .noGrant, ["a"])])
    }

    @Test("a disk that does not take it: given back, and taken again when it does")
    func diskFull() {
        for requestClass in [RequestClass.keyed, .once] {
            var scene = ExecutionScene(hasJournal: true)
            _ = scene.admit(1, as: requestClass, by: "a")
            _ = scene.grant(1)
            #expect(
                scene.notWritten(1) == [.withdraw(1, attempt: 1), .giveBack(1, .journalUnavailable, ["a"])])
            #expect(scene.table.count == 0)
            _ = scene.admit(1, attempt: 2, as: requestClass)
            #expect(scene.resolve(1, nil).count == 1)
            _ = scene.grant(1, attempt: 2)
            #expect(scene.written(1) == [.run(1)])
        }
    }

    @Test("a disk that does not answer in time: given back, and never started later")
    func diskStalls() {
        for requestClass in [RequestClass.keyed, .once] {
            var scene = ExecutionScene(hasJournal: true)
            _ = scene.admit(1, as: requestClass, until: .seconds(5))
            _ = scene.grant(1)
            scene.wait(.seconds(5))
            #expect(scene.tick() == [.withdraw(1, attempt: 1), .giveBack(1, .late, [])])
            #expect(scene.written(1) == [])
        }
    }

    @Test("what a cancel does, by the state of the request, its class and the mode")
    func cancelling() {
        typealias Seen = ExecutionScene.Seen
        let running: [(RequestClass, CancelMessage.Mode, [Seen])] = [
            (.safe, .stop, [.stop(1)]), (.safe, .unwanted, [.stop(1)]), (.keyed, .stop, [.stop(1)]),
            (.keyed, .unwanted, []), (.once, .stop, [.stop(1)]), (.once, .unwanted, []),
        ]
        for (requestClass, mode, steps) in running {
            var scene = ExecutionScene()
            _ = scene.admit(1, as: requestClass)
            _ = scene.grant(1)
            #expect(scene.cancel(1, mode) == steps, "\(requestClass) \(mode)")
            #expect(scene.cancel(1, mode) == [], "a second cancel")
            #expect(scene.finish(1) == [.respond(1, attempt: 1)])
            #expect(scene.cancel(1, mode) == [], "finished")
        }
        for mode in [CancelMessage.Mode.stop, .unwanted] {
            var scene = ExecutionScene(hasJournal: true)
            _ = scene.admit(1, as: .once, by: "a")
            #expect(scene.cancel(1, mode) == [.withdraw(1, attempt: 1), .settle(1, ["a"])], "claimed")
            #expect(scene.grant(1) + scene.written(1) == [])
            #expect(scene.admit(1, as: .once) == .giveBack(1, .late, []))
            _ = scene.admit(2, as: .keyed, again: true)
            #expect(scene.cancel(2, mode) == [.settle(2, [])], "looked up")
            #expect(scene.resolve(2, nil) == [])
            #expect(scene.cancel(3, attempt: 2, mode) == [], "not here")
            #expect(scene.admit(3, attempt: 2) == .giveBack(3, .late, []))
            #expect(scene.admit(3, attempt: 3) == .run(3))
            #expect(scene.cancel(3, attempt: 2, mode) == [], "a former attempt")
        }
    }

    @Test("what is said of a handler that was torn down, by class and by what it knew")
    func tornDown() {
        let answered = ExecutionScene.answer
        let unreachable = ResponseMessage.Outcome.failed(RequestFailure(.targetUnreachable, "refused"))
        let table: [(RequestClass, ResponseMessage.Outcome, RequestFailure.Code?)] = [
            (.safe, failure, .cancelled), (.keyed, failure, .outcomeUnknown), (.once, failure, .outcomeUnknown),
            (.once, answered, nil), (.safe, answered, nil), (.once, unreachable, .cancelled),
        ]
        for (requestClass, outcome, code) in table {
            var scene = ExecutionScene()
            _ = scene.admit(1, as: requestClass)
            _ = scene.grant(1)
            _ = scene.cancel(1)
            let reply = scene.table.finish(ExecutionScene.id(1), outcome, at: scene.now).reply
            guard case .failed(let failure) = reply?.outcome else {
                #expect(code == nil)
                continue
            }
            #expect(failure.code == code)
        }
    }

    @Test("what the journal says of a dispatch that may be a redelivery")
    func resolving() {
        typealias Seen = ExecutionScene.Seen
        let answer = ExecutionScene.answer
        let table: [(RequestClass, JournalRecord.State?, former: UInt32, [Seen])] = [
            (.keyed, nil, 0, [.claim(1, .keyed, writes: true)]),
            (.once, nil, 0, [.claim(1, .once, writes: true)]),
            (.once, .finished(answer), 1, [.respond(1, attempt: 2)]),
            (.keyed, .finished(nil), 2, [.respond(1, attempt: 2)]),
            (.keyed, .interrupted, 2, [.interrupted(1, ["a"])]),
            (.once, .interrupted, 1, [.claim(1, .once, writes: true)]),
        ]
        for (requestClass, record, former, steps) in table {
            var scene = ExecutionScene(hasJournal: true)
            #expect(scene.admit(1, attempt: 2, as: requestClass, by: "a", again: true) == .lookUp(1))
            #expect(scene.admit(1, attempt: 1, as: requestClass) == .wait)
            #expect(scene.resolve(1, record, attempt: former) == steps, "\(requestClass) \(String(describing: record))")
            #expect(scene.resolve(1, record, attempt: former) == [])
        }
    }

    @Test("a later attempt of keyed work that was interrupted runs, written down anew")
    func runsAgain() {
        var scene = ExecutionScene(hasJournal: true)
        #expect(scene.admit(1, attempt: 2, as: .keyed) == .lookUp(1))
        #expect(scene.resolve(1, .interrupted, attempt: 1) == [.write(1)])
        #expect(scene.written(1) == [.run(1)])
    }

    @Test("work that has its receipt is answered from the journal, and never started again")
    func afterReceipt() {
        var scene = ExecutionScene(hasJournal: true)
        _ = scene.admit(1, as: .keyed)
        _ = scene.written(1)
        _ = scene.finish(1)
        _ = scene.receipt(1)
        #expect(scene.admit(1, attempt: 2, as: .keyed, by: "a") == .lookUp(1))
        #expect(scene.resolve(1, .finished(ExecutionScene.answer)) == [.respond(1, attempt: 2)])
        #expect(scene.receipt(1) == ["a"])
        #expect(scene.admit(1, attempt: 3, as: .keyed, by: "b") == .lookUp(1))
        #expect(scene.resolve(1, nil) == [.settle(1, ["b"])])
    }

    @Test("a journal that does not answer starts nothing")
    func noAnswer() {
        var scene = ExecutionScene(hasJournal: true)
        _ = scene.admit(1, as: .once, by: "a", again: true)
        #expect(scene.notWritten(1) == [.giveBack(1, .journalUnavailable, ["a"])])
    }

    @Test("answers of an earlier boot are said when their dispatcher is there, those of others are not")
    func restoring() {
        var scene = ExecutionScene(hasJournal: true)
        let records = [
            ExecutionScene.record(1, .finished(ExecutionScene.answer)), ExecutionScene.record(2, .interrupted),
        ]
        scene.table.restore(records, at: scene.now)
        #expect(scene.table.count == 1)
        #expect(scene.ask(1) == .finished)
        #expect(scene.ask(2) == nil, "the journal is asked")
        #expect(scene.table.invited(by: MemberID(high: 1, low: 1), at: scene.now).isEmpty)
        let steps = scene.table.invited(by: ExecutionScene.dispatcher, at: scene.now).map(ExecutionScene.Seen.init)
        #expect(steps == [.respond(1, attempt: 1)])
        #expect(scene.table.receipt([ExecutionScene.id(1)], at: scene.now).journaled == [ExecutionScene.id(1)])
    }

    @Test("an invitation is answered by all that is held of the dispatcher's requests")
    func invited() {
        var scene = ExecutionScene(hasJournal: true)
        _ = scene.admit(1)
        _ = scene.admit(2, as: .once)
        _ = scene.admit(3, as: .keyed)
        _ = scene.admit(4)
        _ = scene.finish(4)
        let steps = scene.table.invited(by: ExecutionScene.dispatcher, at: scene.now).map(ExecutionScene.Seen.init)
        #expect(
            Set(steps.map(\.description)) == [
                "accept 1", "claim 2 once writes false", "accept 3", "respond 4.1",
            ])
    }

    @Test("a drain gives back what has not started, and all that comes")
    func draining() {
        var scene = ExecutionScene(hasJournal: true)
        _ = scene.admit(1, by: "a")
        _ = scene.admit(2, as: .once, by: "b")
        _ = scene.admit(3, as: .keyed, by: "c")
        _ = scene.admit(4, attempt: 2, as: .keyed, by: "d")
        let steps = scene.table.refuseAll(at: scene.now).map(ExecutionScene.Seen.init)
        #expect(
            Set(steps.map(\.description)) == [
                "withdraw 2.1", "give back 2 draining [\"b\"]", "withdraw 3.1", "give back 3 draining [\"c\"]",
                "give back 4 draining [\"d\"]",
            ])
        #expect(scene.admit(5) == .giveBack(5, .draining, []))
        #expect(scene.grant(2) + scene.written(3) == [])
        #expect(scene.finish(1) == [.respond(1, attempt: 1)])
    }

    @Test("what runs alone waits until nothing else runs, and nothing starts beside it")
    func alone() {
        var scene = ExecutionScene()
        _ = scene.admit(1)
        #expect(scene.admit(2, by: "a", alone: true) == .wait)
        #expect(scene.ask(2) == .queued)
        #expect(scene.admit(3) == .giveBack(3, .busy, []))
        #expect(scene.table.credit == 0)
        #expect(scene.finish(1) == [.respond(1, attempt: 1), .run(2)])
        #expect(scene.admit(4) == .giveBack(4, .busy, []))
        #expect(scene.finish(2) == [.respond(2, attempt: 1)])
        #expect(scene.admit(5) == .run(5))
        #expect(scene.finish(5) == [.respond(5, attempt: 1)])
        #expect(scene.admit(6, as: .once, alone: true) == .claim(6, .once, writes: false))
        #expect(scene.admit(7) == .giveBack(7, .busy, []))
        #expect(scene.cancel(6) == [.settle(6, [])])
        #expect(scene.admit(8) == .run(8))
    }

    @Test("what cannot run alone within ten seconds is given back")
    func neverAlone() {
        var scene = ExecutionScene()
        _ = scene.admit(1)
        _ = scene.admit(2, by: "a", alone: true)
        scene.wait(.milliseconds(9999))
        #expect(scene.tick() == [])
        scene.wait(.milliseconds(1))
        #expect(scene.tick() == [.giveBack(2, .busy, ["a"])])
        #expect(scene.admit(3) == .run(3))
    }

    @Test("answers go to the newest process of a dispatcher")
    func dispatchers() {
        var known = KnownDispatchers(limit: 2)
        let (one, two) = (BootID(high: 0, low: 1), BootID(high: 0, low: 2))
        let member = MemberID(high: 0, low: 9)
        let now = ContinuousClock.now
        #expect(known.boot(of: member) == nil)
        #expect(known.invited(by: member, boot: two, bootNumber: 2, at: now) == true)
        #expect(known.invited(by: member, boot: one, bootNumber: 1, at: now) == false)
        #expect(known.boot(of: member) == two)
        #expect(known.invited(by: MemberID(high: 0, low: 8), boot: one, bootNumber: 1, at: now + .seconds(1)) == true)
        #expect(known.invited(by: MemberID(high: 0, low: 7), boot: one, bootNumber: 1, at: now + .seconds(2)) == true)
        #expect(known.count == 2 && known.boot(of: member) == nil, "the one that was silent longest is forgotten")
        known.forget(silentSince: now + .seconds(2))
        #expect(known.count == 1)
    }
}
