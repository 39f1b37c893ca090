import RelayDelivery
import RelayFormat
import Testing

@Suite("How a request ends")
struct DispatchAnswerTests {
    private let one = DispatcherScene.boot("one", 1)
    private let two = DispatcherScene.boot("two", 2)

    private func scene(limits: DispatchLimits = .init()) -> DispatcherScene {
        let scene = DispatcherScene(limits: limits)
        _ = scene.beat(one)
        _ = scene.beat(two)
        return scene
    }

    private func keep(_ scene: DispatcherScene, for duration: Duration) -> [DispatcherScene.Event] {
        var (first, second) = (one, two)
        (first.credit, second.credit) = (0, 0)
        return scene.advance(by: duration, presenceFlows: true, beating: [first, second])
    }

    @Test("what was never sent has not run, whatever its class", arguments: RequestClass.allCases)
    func neverSent(requestClass: RequestClass) {
        let scene = DispatcherScene(isSettled: false)
        #expect(scene.submit(1, class: requestClass, within: .seconds(1)).isEmpty)
        #expect(scene.advance(by: .seconds(1)) == [.answered(1, .deadlineExceeded, attempt: 0)])
    }

    @Test("who speaks before its first beat is heard is told by its connector's id")
    func unheard() {
        let (scene, three) = (scene(), DispatcherScene.boot("three", 3))
        _ = scene.submit(1, class: .once, durable: true)
        _ = scene.write()
        _ = scene.claimed(1, by: three)
        #expect(scene.life(1)?.progress.holder?.name == "\(three.member)")
        _ = scene.write()
        _ = scene.responded(1, by: three)
        #expect(scene.unwritten.last?.change.ending?.connectorName == "\(three.member)")
        _ = scene.beat(three)
        _ = scene.submit(2, class: .once)
        _ = scene.claimed(2, by: three)
        #expect(scene.life(2)?.progress.holder?.name == "three")
    }

    @Test("a deadline that has passed already is refused")
    func passed() {
        let scene = scene()
        #expect(scene.submit(1, within: .zero) == [.answered(1, .deadlineExceeded, attempt: 0)])
        #expect(scene.submit(2, within: .seconds(-5)) == [.answered(2, .deadlineExceeded, attempt: 0)])
    }

    @Test("beyond the limit a request is refused, and there is room again when one ends")
    func overload() {
        let scene = scene(limits: DispatchLimits(requests: 2))
        _ = scene.submit(1)
        _ = scene.submit(2)
        #expect(scene.submit(3) == [.answered(3, .overloaded, attempt: 0)])
        #expect(scene.responded(1, by: one).count == 2)
        #expect(scene.submit(4) == [.dispatched(4, attempt: 1, .group)])
    }

    @Test("beyond the limit of bytes a request is refused, unless it is the only one")
    func overloadOfBytes() {
        let scene = scene(limits: DispatchLimits(bytes: 1000))
        #expect(scene.objection(toSize: 5000) == nil)
        _ = scene.submit(1, size: 600)
        #expect(scene.objection(toSize: 400) == nil)
        #expect(scene.objection(toSize: 401)?.code == .overloaded)
        #expect(scene.submit(2, size: 401) == [.answered(2, .overloaded, attempt: 0)])
        #expect(scene.submit(3, durable: true, size: 401).count == 1, "the ledger has it, and it is not refused")
        _ = scene.responded(1, by: one)
        _ = scene.responded(3, by: one)
        _ = scene.write()
        _ = scene.submit(4, size: 900)
        #expect(scene.objection(toSize: 100) == nil)
        #expect(scene.objection(toSize: 101)?.code == .overloaded)
    }

    @Test("the first answer of any attempt wins, and each later one is nothing")
    func firstWins() {
        let scene = scene()
        _ = scene.submit(1)
        _ = scene.accepted(1, by: one)
        _ = scene.closed(one)
        #expect(
            scene.responded(1, attempt: 1, by: one) == [
                .receipt(1, one.boot), .cancelled(1, attempt: 2, two.boot, .unwanted), .answered(1, nil, attempt: 1),
            ])
        #expect(scene.responded(1, attempt: 2, by: two) == [.receipt(1, two.boot)])
        #expect(scene.responded(1, attempt: 1, by: one) == [.receipt(1, one.boot)])
        #expect(scene.takeLateReplies() == 2)
        #expect(scene.accepted(1, attempt: 2, by: two) == [.cancelled(1, attempt: 2, two.boot, .unwanted)])
        #expect(scene.returned(1, attempt: 2, by: two, .busy).isEmpty)
        #expect(scene.sendFailed(1, attempt: 2, overloaded: true).isEmpty)
        #expect(scene.abandon(1).isEmpty)
        #expect(keep(scene, for: .seconds(40)).isEmpty)
    }

    @Test("an answer that comes before its ACCEPTED is an answer")
    func answerFirst() {
        let scene = scene()
        _ = scene.submit(1, class: .keyed)
        #expect(scene.responded(1, by: one) == [.receipt(1, one.boot), .answered(1, nil, attempt: 1)])
        #expect(scene.accepted(1, by: one) == [.cancelled(1, attempt: 1, one.boot, .unwanted)])
        #expect(scene.count == 0)
    }

    @Test("a failure is an answer as good as any")
    func failure() {
        let scene = scene()
        _ = scene.submit(1)
        let denied = ResponseMessage.Outcome.failed(RequestFailure(.deniedByPolicy, "no"))
        #expect(
            scene.responded(1, by: one, denied) == [.receipt(1, one.boot), .answered(1, .deniedByPolicy, attempt: 1)])
    }

    @Test("that an earlier attempt is unknown says nothing while a later one is under way")
    func earlierUnknown() {
        let scene = scene()
        _ = scene.submit(1)
        _ = scene.accepted(1, by: one)
        _ = scene.closed(one)
        #expect(scene.responded(1, attempt: 1, by: one, DispatcherScene.unknown) == [.receipt(1, one.boot)])
        #expect(scene.responded(1, attempt: 2, by: two) == [.receipt(1, two.boot), .answered(1, nil, attempt: 2)])
    }

    @Test("an answer for nobody is nothing")
    func strangeAnswer() {
        let scene = scene()
        #expect(scene.responded(77, by: one) == [.receipt(77, one.boot)])
        #expect(scene.takeLateReplies() == 1)
    }

    @Test("what the queue refuses is answered at once")
    func sendFailed() {
        let scene = scene()
        for number in UInt64(1)...4 { _ = scene.submit(number, class: number % 2 == 0 ? .keyed : .safe) }
        #expect(scene.sendFailed(1, overloaded: true) == [.answered(1, .overloaded, attempt: 1)])
        #expect(scene.sendFailed(2, overloaded: true) == [.answered(2, .overloaded, attempt: 1)])
        #expect(scene.sendFailed(3, overloaded: false) == [.answered(3, .noConnector, attempt: 1)])
        #expect(scene.sendFailed(4, overloaded: false) == [.answered(4, .outcomeUnknown, attempt: 1)])
    }

    @Test("a send that failed says nothing once a connector has the request, or of an earlier attempt")
    func lateSendFailure() {
        let scene = scene()
        _ = scene.submit(1)
        _ = scene.accepted(1, by: one)
        #expect(scene.sendFailed(1, overloaded: false).isEmpty)
        _ = scene.closed(one)
        #expect(scene.sendFailed(1, attempt: 1, overloaded: false).isEmpty)
        #expect(scene.sendFailed(1, attempt: 2, overloaded: false).isEmpty)
        // Whatever was done for it before, it goes on; another connector than the one it failed with is tried first.
        let third = DispatcherScene.boot("three", 3)
        _ = scene.beat(third)
        #expect(
            scene.advance(by: .milliseconds(500), presenceFlows: true, beating: [two, third])
                == [.dispatched(1, attempt: 3, .inbox(third.boot))])
    }

    @Test("each of a thousand requests with mixed fates has exactly one answer")
    func exactlyOne() {
        let scene = scene()
        var answers: [UInt64: Int] = [:]
        func count(_ events: [DispatcherScene.Event]) {
            for case .answered(let number, _, _) in events { answers[number, default: 0] += 1 }
        }
        for number in UInt64(0)..<1000 {
            count(scene.submit(number, class: number % 3 == 0 ? .once : .safe, within: .seconds(3)))
            if number % 2 == 0 { count(scene.accepted(number, by: number % 4 == 0 ? one : two)) }
            if number % 6 == 0 { count(scene.claimed(number, by: two)) }
            if number % 5 == 0 { count(scene.responded(number, by: one)) }
            if number % 7 == 0 { count(scene.responded(number, by: two)) }
        }
        count(scene.closed(one))
        count(keep(scene, for: .seconds(10)))
        #expect(answers.count == 1000)
        #expect(answers.values.allSatisfy { $0 == 1 })
        #expect(scene.count == 0)
    }
}
