import RelayDelivery
import RelayFormat
import Testing

@Suite("Deadlines, cancels and callers that leave")
struct DispatchCancelTests {
    /// How far a request has come.
    enum Stage: CaseIterable, Sendable { case waiting, sent, inInbox, taken, returned, lost }

    private let one = DispatcherScene.boot("one", 1)
    private let two = DispatcherScene.boot("two", 2)

    /// Request 1 of a class at a stage; its deadline is ten seconds after its submission.
    private func scene(_ requestClass: RequestClass, at stage: Stage) -> DispatcherScene {
        let scene = DispatcherScene()
        _ = scene.beat(one)
        if stage == .inInbox { _ = scene.beat(DispatcherScene.boot("other", 3) { $0.services = [] }) }
        if stage == .waiting { _ = scene.closed(one) }
        _ = scene.submit(1, class: requestClass, within: .seconds(10))
        if [.taken, .lost].contains(stage) {
            _ = requestClass == .once ? scene.claimed(1, by: one) : scene.accepted(1, by: one)
        }
        if stage == .returned { _ = scene.returned(1, by: one, .busy) }
        if stage == .lost { _ = scene.closed(one) }
        return scene
    }

    /// Whether a definite end would be a lie.
    private func mayHaveRun(_ requestClass: RequestClass, at stage: Stage) -> Bool {
        switch (requestClass, stage) {
        case (_, .waiting), (.safe, _): false
        case (.keyed, _): true
        case (.once, .taken), (.once, .lost): true
        case (.once, _): false
        }
    }

    private func pass(_ duration: Duration, _ scene: DispatcherScene) -> [DispatcherScene.Event] {
        // Nothing beats, and presence does not flow: nothing but the deadline changes anything.
        scene.advance(by: duration)
    }

    @Test(
        "at the deadline the answer is definite, unless it may have run", arguments: RequestClass.allCases,
        Stage.allCases)
    func deadline(requestClass: RequestClass, stage: Stage) {
        let scene = scene(requestClass, at: stage)
        let events = pass(.seconds(10), scene).filter { if case .answered = $0 { true } else { false } }
        let attempt = scene.count == 0 ? events.first : nil
        guard case .answered(1, let code, _)? = attempt else {
            Issue.record("no answer: \(events)")
            return
        }
        #expect(code == (mayHaveRun(requestClass, at: stage) ? .outcomeUnknown : .deadlineExceeded))
        #expect(events.count == 1)
        #expect(scene.earliestDeadline == nil)
        #expect(scene.claimed(1, by: one) == [.cancelled(1, attempt: 1, one.boot, .unwanted)])
    }

    @Test(
        "a cancel is definite, unless it may have run: then its outcome is awaited for five seconds",
        arguments: RequestClass.allCases, Stage.allCases)
    func cancelling(requestClass: RequestClass, stage: Stage) {
        let scene = scene(requestClass, at: stage)
        let (verdict, events) = scene.cancel(1)
        guard mayHaveRun(requestClass, at: stage) else {
            #expect(verdict == .cancelled)
            #expect(events.last == .answered(1, .cancelled, attempt: stage == .waiting ? 0 : 1))
            let isAddressed = stage == .inInbox || requestClass == .safe && stage == .taken
            #expect(events.dropLast() == (isAddressed ? [.cancelled(1, attempt: 1, one.boot, .stop)] : []))
            #expect(scene.cancel(1).verdict == .notOpen)
            return
        }
        #expect(verdict == .stopping)
        let isHeld = stage == .taken || stage == .inInbox || requestClass == .once
        #expect(events == (isHeld ? [.cancelled(1, attempt: 1, one.boot, .stop)] : []))
        #expect(scene.cancel(1).verdict == .stopping)
        #expect(pass(.milliseconds(4750), scene).isEmpty)
        #expect(pass(.milliseconds(250), scene) == [.answered(1, .outcomeUnknown, attempt: 1)])
    }

    @Test("an ACCEPTED for what was cancelled is answered by CANCEL, also when it is not the newest attempt's")
    func acceptedAfterCancel() {
        let scene = scene(.keyed, at: .sent)
        #expect(scene.cancel(1) == (.stopping, []))
        #expect(scene.accepted(1, by: one) == [.cancelled(1, attempt: 1, one.boot, .stop)])
        #expect(scene.accepted(1, by: one) == [.cancelled(1, attempt: 1, one.boot, .stop)])
        #expect(
            scene.responded(1, by: one, DispatcherScene.failure(.cancelled))
                == [.receipt(1, one.boot), .answered(1, .cancelled, attempt: 1)])
        #expect(scene.accepted(1, by: one) == [.cancelled(1, attempt: 1, one.boot, .unwanted)])
    }

    @Test("what its connector says after a cancel is the answer: its result, or that nobody knows")
    func answersAfterCancel() {
        for (outcome, code) in [
            (DispatcherScene.answer, nil), (DispatcherScene.unknown, RequestFailure.Code.outcomeUnknown),
            (DispatcherScene.failure(.cancelled), .cancelled), (DispatcherScene.failure(.targetFailed), .targetFailed),
        ] {
            let scene = scene(.once, at: .taken)
            _ = scene.cancel(1)
            #expect(scene.responded(1, by: one, outcome) == [.receipt(1, one.boot), .answered(1, code, attempt: 1)])
            #expect(!scene.isUnresolved(1), "the connector has said all that it knows")
        }
    }

    @Test("a granted request that is given back after a cancel was not started")
    func returnedAfterCancel() {
        let scene = scene(.once, at: .taken)
        _ = scene.cancel(1)
        #expect(scene.returned(1, by: one, .draining) == [.answered(1, .cancelled, attempt: 1)])
        let keyed = self.scene(.keyed, at: .taken)
        _ = keyed.cancel(1)
        #expect(keyed.returned(1, by: one, .journalUnavailable) == [.answered(1, .outcomeUnknown, attempt: 1)])
    }

    @Test("a caller that leaves ends what has not started and what is safe; the rest goes on to its end")
    func abandoned() {
        for requestClass in RequestClass.allCases {
            for stage in [Stage.waiting, .sent, .inInbox, .taken] {
                let scene = scene(requestClass, at: stage)
                let events = scene.abandon(1)
                if mayHaveRun(requestClass, at: stage) {
                    #expect(events.isEmpty)
                    let answers = scene.responded(1, by: one)
                    if requestClass == .keyed || stage == .taken {
                        #expect(answers.last == .answered(1, nil, attempt: 1))
                    }
                } else {
                    #expect(events.last == .answered(1, .cancelled, attempt: stage == .waiting ? 0 : 1))
                    #expect(scene.count == 0)
                    #expect(scene.earliestDeadline == nil)
                }
            }
        }
        // What was lost and waits for another connector has nobody to wait for.
        let lost = scene(.keyed, at: .lost)
        #expect(lost.abandon(1) == [.answered(1, .outcomeUnknown, attempt: 1)])
    }

    @Test("a clock that is set back neither loses what was due nor sends it late")
    func clockSetBack() {
        let scene = scene(.safe, at: .taken)
        scene.stepClock(by: .seconds(11))
        // Due, and not yet dealt with, when its holder gives it back.
        #expect(scene.returned(1, by: one, .draining).isEmpty)
        scene.stepClock(by: .seconds(-11))
        #expect(scene.tick() == [.dispatched(1, attempt: 2, .inbox(one.boot))])
    }

    @Test("a reply that nothing ran is not the truth where an earlier attempt may have")
    func honestFailure() {
        for code in [RequestFailure.Code.deadlineExceeded, .targetUnreachable, .deniedByPolicy] {
            let scene = scene(.keyed, at: .taken)
            _ = scene.beat(two)
            #expect(scene.closed(one) == [.dispatched(1, attempt: 2, .inbox(two.boot))])
            #expect(
                scene.responded(1, attempt: 2, by: two, DispatcherScene.failure(code))
                    == [.receipt(1, two.boot), .answered(1, .outcomeUnknown, attempt: 2)])
        }
        // What was given back did not run.
        let scene = scene(.keyed, at: .sent)
        _ = scene.beat(two)
        #expect(scene.returned(1, by: one, .draining) == [.dispatched(1, attempt: 2, .inbox(two.boot))])
        #expect(
            scene.responded(1, attempt: 2, by: two, DispatcherScene.failure(.deniedByPolicy))
                == [.receipt(1, two.boot), .answered(1, .deniedByPolicy, attempt: 2)])
    }
}
