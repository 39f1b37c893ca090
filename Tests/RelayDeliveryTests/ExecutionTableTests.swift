import RelayDelivery
import RelayFormat
import Testing

@Suite("What a connector does with a dispatch")
struct ExecutionTableTests {
    private typealias Table = ExecutionTable<String>

    /// A verdict, reduced to what tests look at.
    private enum Seen: Equatable {
        case start
        case running
        case `repeat`(attempt: UInt32)
        case giveBack(ReturnMessage.Reason)
        case unknown
        case settle
    }

    private let now = RelayTime(milliseconds: 1_000_000)
    private let outcome = DispatcherScene.answer

    private func dispatch(
        _ number: UInt64, attempt: UInt32 = 1, class requestClass: RequestClass = .safe,
        deadline: Duration = .seconds(30), until: Duration? = nil, again: Bool = false, origin: UInt64 = 1
    ) -> Table.Dispatch {
        Table.Dispatch(
            id: DispatcherScene.id(number), attempt: attempt, group: .none, origin: BootID(high: 0, low: origin),
            requestClass: requestClass, deadline: now + deadline, dispatchUntil: now + (until ?? deadline),
            mayBeRedelivery: again)
    }

    private func admit(
        _ table: inout Table, _ dispatch: Table.Dispatch, _ carrier: String? = nil, isOffered: Bool = true,
        after: Duration = .zero
    ) -> Seen {
        switch table.admit(dispatch, carrier: carrier, isOffered: isOffered, at: now + after) {
        case .start: .start
        case .running: .running
        case .repeat(let reply): .repeat(attempt: reply.dispatch.attempt)
        case .giveBack(let reason): .giveBack(reason)
        case .unknown: .unknown
        case .settle: .settle
        }
    }

    @Test("a dispatch starts once, and never again while it runs or after it has finished", arguments: [false, true])
    func onlyOnce(again: Bool) {
        var table = Table()
        #expect(admit(&table, dispatch(1), "a") == .start)
        #expect(admit(&table, dispatch(1, again: again), "b") == .running)
        #expect(admit(&table, dispatch(1, attempt: 2), nil) == .running)
        #expect(table.finish(DispatcherScene.id(1), outcome, at: now)?.dispatch.attempt == 2)
        #expect(table.finish(DispatcherScene.id(1), outcome, at: now) == nil)
        #expect(admit(&table, dispatch(1, attempt: 3), "c") == .repeat(attempt: 3))
        #expect(admit(&table, dispatch(1, attempt: 1), "d") == .repeat(attempt: 3))
        #expect(table.receipt([DispatcherScene.id(1)], at: now).sorted() == ["a", "b", "c", "d"])
        #expect(admit(&table, dispatch(1, attempt: 4), "e") == .settle)
        #expect(table.count == 0)
    }

    @Test("the newest dispatch tells where the answer is awaited")
    func newestOrigin() {
        var table = Table()
        _ = admit(&table, dispatch(1, origin: 1))
        _ = admit(&table, dispatch(1, attempt: 2, origin: 2))
        _ = admit(&table, dispatch(1, attempt: 1, origin: 1))
        #expect(table.finish(DispatcherScene.id(1), outcome, at: now)?.dispatch.origin == BootID(high: 0, low: 2))
    }

    @Test("what may be a redelivery starts only when it is safe", arguments: RequestClass.allCases)
    func redelivery(requestClass: RequestClass) {
        var table = Table()
        let verdict = admit(&table, dispatch(1, class: requestClass, again: true), "a")
        #expect(verdict == (requestClass == .safe ? .start : .unknown))
        #expect(table.finish(DispatcherScene.id(1), outcome, at: now) != nil)
        #expect(table.receipt([DispatcherScene.id(1)], at: now) == ["a"])
    }

    @Test("what may run elsewhere is never given back, since another would start it")
    func redeliveryIsNotReturned() {
        for requestClass in [RequestClass.once, .keyed] {
            var table = Table(limits: .init(requests: 1))
            #expect(admit(&table, dispatch(1)) == .start)
            #expect(admit(&table, dispatch(2, class: requestClass, again: true)) == .unknown, "full")
            #expect(admit(&table, dispatch(3, class: requestClass, until: .zero, again: true)) == .unknown, "late")
            #expect(admit(&table, dispatch(4, class: requestClass, again: true), isOffered: false) == .unknown)
            table.isDraining = true
            #expect(admit(&table, dispatch(5, class: requestClass, again: true)) == .unknown, "draining")
        }
    }

    @Test("a service that is not offered, a connector that drains or is full: the dispatch is given back")
    func givingBack() {
        var table = Table(limits: .init(requests: 1))
        #expect(admit(&table, dispatch(1), isOffered: false) == .giveBack(.serviceUnknown))
        #expect(admit(&table, dispatch(2)) == .start)
        #expect(table.credit == 0)
        #expect(admit(&table, dispatch(3)) == .giveBack(.busy))
        table.isDraining = true
        #expect(admit(&table, dispatch(4)) == .giveBack(.draining))
        #expect(admit(&table, dispatch(2, attempt: 2)) == .running, "what runs is known all the same")
    }

    @Test("what was given back is never started under the same attempt, only under a later one")
    func promise() {
        var table = Table(limits: .init(requests: 1))
        _ = admit(&table, dispatch(1))
        #expect(admit(&table, dispatch(2, attempt: 2, class: .once)) == .giveBack(.busy))
        _ = table.finish(DispatcherScene.id(1), outcome, at: now)
        _ = table.receipt([DispatcherScene.id(1)], at: now)
        #expect(admit(&table, dispatch(2, attempt: 2, class: .once)) == .giveBack(.late))
        #expect(admit(&table, dispatch(2, attempt: 1, class: .once)) == .giveBack(.late))
        #expect(admit(&table, dispatch(2, attempt: 3, class: .once)) == .start)
    }

    @Test("nothing starts from its dispatch-until on, and past its deadline nobody waits")
    func late() {
        var table = Table()
        #expect(admit(&table, dispatch(1, until: .seconds(5)), after: .milliseconds(4999)) == .start)
        #expect(admit(&table, dispatch(2, until: .seconds(5)), after: .seconds(5)) == .giveBack(.late))
        #expect(admit(&table, dispatch(3), after: .seconds(30)) == .settle)
        #expect(admit(&table, dispatch(4, class: .once, again: true), after: .seconds(30)) == .settle)
    }

    @Test("an answer is sent again after 1, 2, 4, 8 and 8 seconds, until its receipt")
    func repetition() {
        var table = Table()
        _ = admit(&table, dispatch(1, deadline: .seconds(60)), "a")
        _ = table.finish(DispatcherScene.id(1), outcome, at: now)
        var sent: [Int] = []
        for second in 0..<32 {
            let due = table.tick(at: now + .seconds(second))
            #expect(due.carriers.isEmpty)
            if !due.replies.isEmpty { sent.append(second) }
        }
        #expect(sent == [1, 3, 7, 15, 23, 31])
        #expect(table.receipt([DispatcherScene.id(1)], at: now) == ["a"])
        #expect(table.tick(at: now + .seconds(59)).replies.isEmpty)
        #expect(table.earliestRepetition == nil)
    }

    @Test("at its deadline an answer is given up and its records are settled")
    func deadline() {
        var table = Table()
        _ = admit(&table, dispatch(1, deadline: .seconds(2)), "a")
        _ = table.finish(DispatcherScene.id(1), outcome, at: now)
        #expect(table.tick(at: now + .seconds(1)).replies.count == 1)
        let due = table.tick(at: now + .seconds(2))
        #expect(due.replies.isEmpty)
        #expect(due.carriers == ["a"])
        #expect(table.count == 0)
    }

    @Test("a receipt for what runs, or for what nobody knows, settles nothing")
    func earlyReceipt() {
        var table = Table()
        _ = admit(&table, dispatch(1), "a")
        #expect(table.receipt([DispatcherScene.id(1), DispatcherScene.id(2)], at: now).isEmpty)
        #expect(table.count == 1)
    }

    @Test("what must not run twice is remembered beyond its deadline, lest a step of the clock let it in again")
    func clockStep() {
        for (requestClass, verdict) in [(RequestClass.safe, Seen.start), (.once, .settle)] {
            var table = Table()
            _ = admit(&table, dispatch(1, class: requestClass))
            _ = table.finish(DispatcherScene.id(1), outcome, at: now)
            _ = table.receipt([DispatcherScene.id(1)], at: now)
            _ = table.tick(at: now + .seconds(31))
            #expect(admit(&table, dispatch(1, class: requestClass), after: .seconds(20)) == verdict)
        }
    }

    @Test("the memory of what is settled is bounded; what ends first is forgotten first")
    func bounded() {
        var table = Table(limits: .init(requests: 10, settled: 100))
        for number in UInt64(0)..<1000 {
            let deadline = Duration.seconds(30) + .milliseconds(Int(number))
            _ = admit(&table, dispatch(number, deadline: deadline))
            _ = table.finish(DispatcherScene.id(number), outcome, at: now)
            _ = table.receipt([DispatcherScene.id(number)], at: now)
        }
        #expect(admit(&table, dispatch(999)) == .settle)
        #expect(admit(&table, dispatch(900)) == .settle)
        #expect(admit(&table, dispatch(899)) == .start)
    }

    @Test("the carriers of a lost lease settle nothing any more")
    func lostLease() {
        var table = Table()
        _ = admit(&table, dispatch(1), "a")
        _ = admit(&table, dispatch(1), "b")
        #expect(table.carriers.sorted() == ["a", "b"])
        table.drop { $0 == "a" }
        _ = table.finish(DispatcherScene.id(1), outcome, at: now)
        #expect(table.receipt([DispatcherScene.id(1)], at: now) == ["b"])
    }

    @Test(
        "a new attempt runs although the record of a former one, given back elsewhere, came here first",
        arguments: [RequestClass.once, .keyed], [false, true])
    func newAttemptAfterUnknown(requestClass: RequestClass, isReceipted: Bool) {
        var table = Table()
        #expect(admit(&table, dispatch(1, class: requestClass, again: true), "first") == .unknown)
        _ = table.finish(DispatcherScene.id(1), DispatcherScene.unknown, at: now)
        if isReceipted { #expect(table.receipt([DispatcherScene.id(1)], at: now) == ["first"]) }
        #expect(admit(&table, dispatch(1, attempt: 2, class: requestClass)) == .start)
        #expect(table.finish(DispatcherScene.id(1), outcome, at: now)?.dispatch.attempt == 2)
        #expect(table.receipt([DispatcherScene.id(1)], at: now) == (isReceipted ? [] : ["first"]))
        #expect(admit(&table, dispatch(1, attempt: 3, class: requestClass)) == .settle)
    }
}
