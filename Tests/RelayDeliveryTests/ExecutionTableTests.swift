import RelayDelivery
import RelayFormat
import Testing

@Suite("What a connector does with a dispatch")
struct ExecutionTableTests {
    @Test("a dispatch starts once, and never again while it runs or after it has finished", arguments: [false, true])
    func onlyOnce(again: Bool) {
        var scene = ExecutionScene()
        #expect(scene.admit(1, by: "a") == .run(1))
        #expect(scene.admit(1, by: "b", again: again) == .accept(1))
        #expect(scene.admit(1, attempt: 2) == .accept(1))
        #expect(scene.finish(1) == [.respond(1, attempt: 2)])
        #expect(scene.finish(1) == [])
        #expect(scene.admit(1, attempt: 3, by: "c") == .respond(1, attempt: 3))
        #expect(scene.admit(1, attempt: 1, by: "d") == .respond(1, attempt: 3))
        #expect(scene.receipt(1) == ["a", "b", "c", "d"])
        #expect(scene.table.count == 0)
    }

    @Test("after its receipt what must not run twice never starts again, and a redelivery of what may is claimed")
    func afterReceipt() {
        for requestClass in RequestClass.allCases {
            var scene = ExecutionScene()
            _ = scene.admit(1, as: requestClass)
            if requestClass == .once { _ = scene.grant(1) }
            _ = scene.finish(1)
            _ = scene.receipt(1)
            let again = scene.admit(1, attempt: 2, as: requestClass, by: "e", again: true)
            #expect(again == (requestClass == .safe ? .claim(1, .safe, writes: false) : .settle(1, ["e"])))
        }
    }

    @Test("what runs is announced to its dispatcher once, unless its answer has been confirmed by then")
    func announced() {
        var scene = ExecutionScene()
        #expect(scene.table.hasUnannounced == false)
        for number in UInt64(1)...3 { _ = scene.admit(number) }
        _ = scene.admit(4, as: .once)
        for number in UInt64(2)...3 { _ = scene.finish(number) }
        _ = scene.receipt(2)
        #expect(scene.table.hasUnannounced == true)
        #expect(scene.announced() == [], "all have only just begun")
        _ = scene.admit(5)
        #expect(scene.announced() == [1, 3])
        #expect(scene.announced() == [5])
        #expect(scene.announced() == [])
        #expect(scene.grant(4) == [.run(4)])
        #expect(scene.table.hasUnannounced == false, "its claim was its announcement")
    }

    @Test("what a fresh dispatch meets, by its class, and by whether it may have been given to another")
    func admission() {
        let table: [(RequestClass, again: Bool, journal: Bool, ExecutionScene.Seen)] = [
            (.safe, false, false, .run(1)),
            (.safe, false, true, .run(1)),
            (.safe, true, true, .claim(1, .safe, writes: false)),
            (.keyed, false, false, .run(1)),
            (.keyed, false, true, .write(1)),
            (.keyed, true, false, .claim(1, .keyed, writes: false)),
            (.keyed, true, true, .lookUp(1)),
            (.once, false, false, .claim(1, .once, writes: false)),
            (.once, false, true, .claim(1, .once, writes: true)),
            (.once, true, true, .lookUp(1)),
        ]
        for (requestClass, again, journal, step) in table {
            var scene = ExecutionScene(hasJournal: journal)
            #expect(scene.admit(1, as: requestClass, again: again) == step, "\(requestClass) \(again) \(journal)")
        }
    }

    @Test("the newest dispatch tells where the answer is awaited")
    func newestOrigin() {
        var scene = ExecutionScene()
        _ = scene.admit(1, origin: 1)
        _ = scene.admit(1, attempt: 2, origin: 2)
        _ = scene.admit(1, attempt: 1, origin: 1)
        let reply = scene.table.finish(ExecutionScene.id(1), ExecutionScene.answer, at: scene.now).reply
        #expect(reply?.dispatch.origin == BootID(high: 0, low: 2))
    }

    @Test("no service, no leave, no room: the dispatch is given back, in this order of reasons")
    func givingBack() {
        var scene = ExecutionScene(limits: .init(requests: 1))
        #expect(scene.admit(1, by: "a", offer: .unknown) == .giveBack(1, .serviceUnknown, ["a"]))
        #expect(scene.admit(2, gate: false) == .giveBack(2, .busy, []))
        #expect(scene.admit(3) == .run(3))
        #expect(scene.table.credit == 0)
        #expect(scene.admit(4, by: "b") == .giveBack(4, .busy, ["b"]))
        scene.table.isRefusing = true
        #expect(scene.admit(5) == .giveBack(5, .draining, []))
        #expect(scene.admit(6, offer: .unknown) == .giveBack(6, .serviceUnknown, []))
        #expect(scene.admit(7, until: .zero, offer: .unknown) == .giveBack(7, .late, []))
        #expect(scene.admit(3, attempt: 2) == .accept(3), "what runs is known all the same")
    }

    @Test("a denial is an answer: it is not claimed, not written down, and repeated until its receipt")
    func denial() {
        let failure = RequestFailure(.deniedByPolicy, "no rule")
        for requestClass in RequestClass.allCases {
            var scene = ExecutionScene(hasJournal: true)
            #expect(scene.admit(1, as: requestClass, by: "a", again: true, offer: .denied(failure)) == .deny(1))
            #expect(scene.finish(1, .failed(failure)) == [.respond(1, attempt: 1)])
            scene.wait(.seconds(1))
            #expect(scene.tick() == [.respond(1, attempt: 1)])
            #expect(scene.receipt(1) == ["a"])
        }
    }

    @Test("what was given back is never started under the same attempt, only under a later one")
    func promise() {
        var scene = ExecutionScene()
        #expect(scene.admit(2, attempt: 2, as: .once, gate: false) == .giveBack(2, .busy, []))
        #expect(scene.admit(2, attempt: 2, as: .once) == .giveBack(2, .late, []))
        #expect(scene.admit(2, attempt: 1, as: .once) == .giveBack(2, .late, []))
        #expect(scene.admit(2, attempt: 3, as: .once) == .claim(2, .once, writes: false))
    }

    @Test("nothing starts from its dispatch-until on, and past its deadline nobody waits")
    func late() {
        var scene = ExecutionScene()
        scene.wait(.milliseconds(4999))
        #expect(scene.admit(1, until: .seconds(5)) == .run(1))
        scene.wait(.milliseconds(1))
        #expect(scene.admit(2, until: .seconds(5)) == .giveBack(2, .late, []))
        scene.wait(.seconds(25))
        #expect(scene.admit(3, by: "a") == .settle(3, ["a"]))
    }

    @Test("an answer is sent again after 1, 2, 4, 8 and 8 seconds, until its receipt")
    func repetition() {
        var scene = ExecutionScene()
        _ = scene.admit(1, by: "a", deadline: .seconds(60))
        _ = scene.finish(1)
        var sent: [Int] = []
        for second in 0..<32 {
            let steps = scene.tick()
            if steps.contains(.respond(1, attempt: 1)) { sent.append(second) }
            // By then its dispatcher says nothing, and does not need the record.
            #expect(steps.contains(.settle(1, ["a"])) == (second == 3))
            scene.wait(.seconds(1))
        }
        #expect(sent == [1, 3, 7, 15, 23, 31])
        #expect(scene.receipt(1) == [])
        scene.wait(.seconds(10))
        #expect(scene.tick() == [])
        #expect(scene.table.earliestDue == nil)
    }

    @Test("answers whose dispatcher says nothing leave room for the requests of others, as far as they may be kept")
    func silentDispatcher() {
        var scene = ExecutionScene(limits: .init(requests: 4, kept: 3, keptBytes: 8))
        for number: UInt64 in 1...4 {
            _ = scene.admit(number, as: .once, by: "a\(number)", deadline: .seconds(60))
            _ = scene.grant(number)
            _ = scene.finish(number)
        }
        #expect(scene.table.credit == 0)
        #expect(scene.admit(5) == .giveBack(5, .busy, []))
        scene.wait(.seconds(1))
        #expect(scene.tick().count == 4)
        #expect(scene.table.credit == 0)
        scene.wait(.seconds(2))
        // Two answers of three bytes fit into eight; the others take up room as before.
        #expect(scene.tick().count == 6)
        #expect(scene.table.credit == 2)
        #expect(scene.table.count == 4)
        #expect(scene.admit(6) == .run(6))
        // They are known, and said again, as if they had their place.
        #expect((1...4).map { scene.ask($0) } == [.finished, .finished, .finished, .finished])
        #expect(scene.admit(1, attempt: 2, as: .once) == .respond(1, attempt: 2))
        scene.wait(.seconds(4))
        #expect(scene.tick().count { if case .respond = $0 { true } else { false } } == 4)
        // A receipt frees the one kind of room or the other, and at the deadline all is given up.
        _ = scene.receipt(1)
        scene.wait(.seconds(8))
        _ = scene.tick()
        #expect(scene.table.credit == 2)
        _ = scene.receipt(2, 3, 4)
        #expect(scene.table.credit == 3)
        #expect(scene.table.count == 1)
        #expect(scene.table.occupied == 1)
    }

    @Test("a response is not said again while it may still be on its way, and is given up at its deadline all the same")
    func slowWay() {
        var scene = ExecutionScene()
        _ = scene.admit(1, by: "a")
        _ = scene.finish(1)
        for _ in 0..<20 {
            scene.wait(.seconds(1))
            #expect(scene.tick(slow: true) == [])
        }
        #expect(scene.admit(1, attempt: 2) == .accept(1), "that it is known is said at once")
        #expect(scene.tick() == [.respond(1, attempt: 2)])
        scene.wait(.seconds(10))
        #expect(scene.tick(slow: true) == [.settle(1, ["a"])])
    }

    @Test("at its deadline an answer is given up and its records are settled")
    func deadline() {
        var scene = ExecutionScene()
        _ = scene.admit(1, by: "a", deadline: .seconds(2))
        _ = scene.finish(1)
        scene.wait(.seconds(2))
        #expect(scene.tick() == [.settle(1, ["a"])])
        #expect(scene.table.count == 0)
    }

    @Test("a receipt for what runs, or for what nobody knows, settles nothing")
    func earlyReceipt() {
        var scene = ExecutionScene()
        _ = scene.admit(1, by: "a")
        #expect(scene.receipt(1, 2) == [])
        #expect(scene.table.count == 1)
    }

    @Test("what must not run twice is remembered beyond its deadline, lest a step of the clock let it in again")
    func clockStep() {
        let table: [(RequestClass, ExecutionScene.Seen)] = [(.safe, .run(1)), (.keyed, .settle(1, []))]
        for (requestClass, step) in table {
            var scene = ExecutionScene()
            _ = scene.admit(1, as: requestClass)
            _ = scene.finish(1)
            _ = scene.receipt(1)
            scene.wait(.seconds(31))
            _ = scene.tick()
            scene.wait(.seconds(-11))
            #expect(scene.admit(1, as: requestClass) == step)
        }
    }

    @Test("the memory of what is settled is bounded; what ends first is forgotten first")
    func bounded() {
        var scene = ExecutionScene(limits: .init(requests: 10, settled: 100))
        for number in UInt64(0)..<1000 {
            _ = scene.admit(number, as: .keyed, deadline: .seconds(30) + .milliseconds(Int(number)))
            _ = scene.finish(number)
            _ = scene.receipt(number)
        }
        #expect(scene.admit(999) == .settle(999, []))
        #expect(scene.admit(900) == .settle(900, []))
        #expect(scene.admit(899) == .run(899))
    }

    @Test("the carriers of a lost lease settle nothing any more")
    func lostLease() {
        var scene = ExecutionScene()
        _ = scene.admit(1, by: "a")
        _ = scene.admit(1, by: "b")
        #expect(scene.table.carriers.sorted() == ["a", "b"])
        scene.table.drop { $0 == "a" }
        _ = scene.finish(1)
        #expect(scene.receipt(1) == ["b"])
    }

    @Test("bodies that are due at once go out in portions")
    func burst() {
        let body = ResponseMessage.Outcome.http(
            HTTPResponseContent(status: 200, headers: [], body: [UInt8](repeating: 0, count: 1000)[...]))
        var scene = ExecutionScene(limits: .init(burst: 3000))
        for number in UInt64(0)..<10 {
            _ = scene.admit(number)
            _ = scene.finish(number, body)
        }
        let first = scene.table.invited(by: ExecutionScene.dispatcher, at: scene.now)
        #expect([first.count, scene.tick().count, scene.tick().count, scene.tick().count] == [3, 3, 3, 1])
        #expect(scene.tick() == [])
    }

    @Test("what is found unknown is never started from then on, up to the attempt that was asked about")
    func denying() {
        var scene = ExecutionScene()
        #expect(scene.ask(1, attempt: 2) == nil)
        #expect(scene.table.deny(ExecutionScene.name(1, attempt: 2), at: scene.now) == .notKnown)
        #expect(scene.admit(1, attempt: 2) == .giveBack(1, .late, []))
        #expect(scene.admit(1, attempt: 3) == .run(1))
        #expect(scene.table.deny(ExecutionScene.name(1, attempt: 3), at: scene.now) == .running)
    }
}
