import RelayFormat
import Testing

@testable import BrokerCore

@Suite struct QueueBoardTests {
    private let place = GroupPlace(tenant: .random(), group: .random())
    private let start = RelayTime(milliseconds: 1_000_000)

    private func makeBoard(_ adjust: (inout BoardLimits) -> Void = { _ in }) -> QueueBoard {
        var limits = BoardLimits()
        adjust(&limits)
        return QueueBoard(limits: limits, durability: .disk, firstRecord: 1)
    }

    private func record(
        _ text: String = "x", to target: Place? = nil, living seconds: Int = 30, durability: Durability = .process,
        lane: Lane = .control
    ) -> OutgoingRecord {
        OutgoingRecord(
            to: target ?? .group(place), payload: Array(text.utf8), expiresAt: start + .seconds(seconds),
            durability: durability, lane: lane)
    }

    private func deliveries(_ events: [GroupEvent]?) -> [Delivery] {
        (events ?? []).flatMap { event -> [Delivery] in
            if case .delivered(let deliveries) = event { deliveries } else { [] }
        }
    }

    private func revocations(_ events: [GroupEvent]?) -> [DeliveryToken] {
        (events ?? []).flatMap { event -> [DeliveryToken] in
            if case .revoked(let tokens) = event { tokens } else { [] }
        }
    }

    private func texts(_ deliveries: [Delivery]) -> [String] {
        deliveries.map { String(decoding: $0.payload, as: UTF8.self) }
    }

    // Groups

    @Test func membersTakeRecordsInTurnUpToTheirCredit() {
        var board = makeBoard()
        let readers = [2, 1, 2].map { board.subscribe(to: place, as: .random(), credit: $0, now: start) }
        for number in 0..<7 { _ = board.send(record("\(number)"), now: start) }
        let taken = readers.map { texts(deliveries(board.take(from: place, by: $0, now: start))) }
        #expect(taken == [["0", "3"], ["1"], ["2", "4"]])
        #expect(board.groups[place]?.leased == 5)
    }

    @Test func aReaderIsWokenOnceUntilItTakes() {
        var board = makeBoard()
        let reader = board.subscribe(to: place, as: .random(), credit: 10, now: start)
        for _ in 0..<3 { _ = board.send(record(), now: start) }
        #expect(board.takeActions().wake == [reader])
        #expect(deliveries(board.take(from: place, by: reader, now: start)).count == 3)
        _ = board.send(record(), now: start)
        #expect(board.takeActions().wake == [reader])
    }

    @Test func aMemberWithoutCreditGetsNothing() {
        var board = makeBoard()
        let reader = board.subscribe(to: place, as: .random(), credit: 0, now: start)
        _ = board.send(record(), now: start)
        #expect(board.take(from: place, by: reader, now: start)?.isEmpty == true)
    }

    @Test func whatWasLeasedButNeverTakenIsNoRedelivery() {
        var board = makeBoard()
        let first = board.subscribe(to: place, as: .random(), credit: 2, now: start)
        _ = board.send(record("taken"), now: start)
        _ = board.take(from: place, by: first, now: start)
        _ = board.send(record("untaken"), now: start)
        board.leave(place, first, now: start)
        let second = board.subscribe(to: place, as: .random(), credit: 2, now: start)
        let returned = deliveries(board.take(from: place, by: second, now: start))
        #expect(texts(returned) == ["taken", "untaken"])
        #expect(returned.map(\.mayBeRedelivery) == [true, false])
        #expect(returned.map(\.token.leaseEpoch) == [2, 2])
    }

    @Test func aLeaseEndsAtItsDeadlineAndItsHolderHearsOfIt() {
        var board = makeBoard { $0.leaseTime = .seconds(10) }
        let first = board.subscribe(to: place, as: .random(), credit: 1, now: start)
        _ = board.send(record(), now: start)
        let lost = deliveries(board.take(from: place, by: first, now: start + .seconds(1)))
        let second = board.subscribe(to: place, as: .random(), credit: 1, now: start)
        _ = board.takeActions()
        #expect(board.meetDeadlines(now: start + .seconds(10)) == start + .seconds(11))
        #expect(board.takeActions().wake.isEmpty)
        _ = board.meetDeadlines(now: start + .seconds(11))
        #expect(Set(board.takeActions().wake) == [first, second])
        #expect(revocations(board.take(from: place, by: first, now: start + .seconds(11))) == lost.map(\.token))
        let again = deliveries(board.take(from: place, by: second, now: start + .seconds(11)))
        #expect(again.map(\.mayBeRedelivery) == [true])
        #expect(board.complete(lost.map(\.token), in: place, by: first, now: start) == lost.map(\.token))
        #expect(board.complete(again.map(\.token), in: place, by: first, now: start) == again.map(\.token))
        #expect(board.complete(again.map(\.token), in: place, by: second, now: start) == [])
        #expect(board.account.counters.fenced == 2)
    }

    @Test func aTokenSettlesOnce() {
        var board = makeBoard()
        let reader = board.subscribe(to: place, as: .random(), credit: 1, now: start)
        _ = board.send(record(), now: start)
        let token = deliveries(board.take(from: place, by: reader, now: start))[0].token
        #expect(board.complete([token, token], in: place, by: reader, now: start) == [token])
        #expect(board.account.counters.records == 0)
        #expect(board.account.counters.bytes == 0)
    }

    @Test func aRecordThatExpiresBeforeItIsTakenFreesItsCredit() {
        var board = makeBoard()
        let reader = board.subscribe(to: place, as: .random(), credit: 1, now: start)
        _ = board.send(record("late", living: 5), now: start)
        _ = board.send(record("next"), now: start)
        #expect(board.take(from: place, by: reader, now: start + .seconds(6)) == [])
        #expect(texts(deliveries(board.take(from: place, by: reader, now: start + .seconds(6)))) == ["next"])
        #expect(board.account.counters.expired == 1)
    }

    @Test func expiredRecordsLeaveNothingBehind() {
        var board = makeBoard()
        for wave in 0..<50 {
            let now = start + .seconds(wave)
            for _ in 0..<100 { _ = board.send(record(living: wave + 1), now: now) }
            _ = board.meetDeadlines(now: now + .seconds(1))
        }
        #expect(board.groups.isEmpty)
        #expect(board.account.counters.expired == 5000)
        #expect(board.earliestDeadline == .never)
    }

    @Test func completedRecordsDoNotPileUpAmongTheDeadlines() {
        var board = makeBoard()
        let reader = board.subscribe(to: place, as: .random(), credit: 1, now: start)
        for _ in 0..<5000 {
            _ = board.send(record(), now: start)
            let taken = deliveries(board.take(from: place, by: reader, now: start))
            #expect(board.complete(taken.map(\.token), in: place, by: reader, now: start) == [])
        }
        var left = 0
        while board.account.deadlines.earliest != nil {
            board.account.deadlines.removeEarliest()
            left += 1
        }
        #expect(left <= 1026)
    }

    @Test func theQueueOfAGroupIsForgottenWhenItIsIdle() {
        var board = makeBoard()
        let reader = board.subscribe(to: place, as: .random(), credit: 1, now: start)
        #expect(board.groups.count == 1)
        board.leave(place, reader, now: start)
        #expect(board.groups.isEmpty)
        #expect(board.takeActions().closed == [reader])
        #expect(board.take(from: place, by: reader, now: start) == nil)
        #expect(board.complete([], in: place, by: reader, now: start) == nil)
    }

    @Test func allGroupsAndInboxesTogetherAreBounded() {
        var board = makeBoard { $0.totalBytes = 10 }
        let inbox = InboxPlace(tenant: place.tenant, boot: .random())
        _ = board.openInbox(inbox)
        #expect(board.send(record("123456"), now: start).outcome == .stored)
        #expect(board.send(record("1234", to: .inbox(inbox)), now: start).outcome == .stored)
        let refused = SendOutcome.failed(BrokerError(.overloaded(retryAfter: .milliseconds(100)), ""))
        #expect(board.send(record("1"), now: start).outcome == refused)
        #expect(board.send(record("1", to: .inbox(inbox)), now: start).outcome == refused)
        #expect(board.account.counters.refused == 2)
    }

    // Durability

    @Test func durableRecordsAreInsertedAndDeletedAndOthersNever() {
        var board = makeBoard()
        let reader = board.subscribe(to: place, as: .random(), credit: 2, now: start)
        _ = board.send(record("kept", durability: .disk), now: start)
        _ = board.send(record("not kept"), now: start)
        let kept = StoredRecord(
            number: 1, place: place, payload: Array("kept".utf8), expiresAt: start + .seconds(30))
        #expect(board.takeActions().stores == [.insert(kept)])
        let tokens = deliveries(board.take(from: place, by: reader, now: start)).map(\.token)
        #expect(board.complete(tokens, in: place, by: reader, now: start) == [])
        #expect(board.takeActions().stores == [.delete(1)])
    }

    @Test func aDurableRecordThatExpiresIsDeleted() {
        var board = makeBoard()
        _ = board.send(record(durability: .disk), now: start)
        _ = board.takeActions()
        _ = board.meetDeadlines(now: start + .seconds(30))
        #expect(board.takeActions().stores == [.delete(1)])
    }

    @Test func aRestoredRecordMayBeARedeliveryAndItsNumberIsNotGivenAgain() {
        var board = makeBoard()
        let stored = StoredRecord(number: 41, place: place, payload: [1], expiresAt: .never)
        board.restore(stored, now: start)
        let reader = board.subscribe(to: place, as: .random(), credit: 2, now: start)
        _ = board.send(record(), now: start)
        let taken = deliveries(board.take(from: place, by: reader, now: start))
        #expect(taken.map(\.mayBeRedelivery) == [true, false])
        #expect(taken.map(\.token) == [.init(record: 41, leaseEpoch: 2), .init(record: 42, leaseEpoch: 1)])
    }

    @Test(arguments: [false, true])
    func aWithdrawnRecordSaysWhetherSomebodyHasSeenIt(isTaken: Bool) {
        var board = makeBoard()
        let reader = board.subscribe(to: place, as: .random(), credit: 1, now: start)
        _ = board.send(record(durability: .disk), now: start)
        let taken = isTaken ? deliveries(board.take(from: place, by: reader, now: start)) : []
        #expect(board.withdraw(1, from: place, now: start) == isTaken)
        let events = board.take(from: place, by: reader, now: start)
        #expect(deliveries(events).isEmpty)
        #expect(revocations(events) == taken.map(\.token))
        #expect(board.account.counters.records == 0)
    }

    // Inboxes

    @Test func eachLaneIsBoundedByCountAndBytes() {
        var board = makeBoard {
            $0.laneRecords = 2
            $0.laneBytes = 10
        }
        let inbox = InboxPlace(tenant: place.tenant, boot: .random())
        let reader = board.openInbox(inbox)
        let outcomes = [("12345678", Lane.data), ("123", .data), ("1", .data), ("1", .data), ("1", .control)].map {
            board.send(record($0, to: .inbox(inbox), lane: $1), now: start).outcome == .stored
        }
        #expect(outcomes == [true, false, true, false, true])
        #expect(board.take(from: inbox, by: reader, now: start)?.map(\.count) == [1, 8, 1])
        #expect(board.account.counters.bytes == 0)
        #expect(board.send(record("123", to: .inbox(inbox), lane: .data), now: start).outcome == .stored)
    }

    @Test func aReadingOfAnInboxTakesDataInPortionsAndLeavesOutWhatHasExpired() {
        var board = makeBoard { $0.inboxReadBytes = 4 }
        let inbox = InboxPlace(tenant: place.tenant, boot: .random())
        let reader = board.openInbox(inbox)
        for living in [1, 1, 1, 30, 30, 30] {
            _ = board.send(record("123", to: .inbox(inbox), living: living, lane: .data), now: start)
        }
        let later = start + .seconds(2)
        #expect(board.take(from: inbox, by: reader, now: later)?.count == 2)
        #expect(board.take(from: inbox, by: reader, now: later)?.count == 1)
        #expect(board.take(from: inbox, by: reader, now: later)?.count == 0)
        #expect(board.account.counters.bytes == 0)
    }

    @Test func aReplacedReaderCannotTouchTheInboxOfItsSuccessor() {
        var board = makeBoard()
        let inbox = InboxPlace(tenant: place.tenant, boot: .random())
        let former = board.openInbox(inbox)
        let present = board.openInbox(inbox)
        #expect(board.takeActions().closed == [former])
        board.close(inbox, former)
        #expect(board.take(from: inbox, by: former, now: start) == nil)
        #expect(board.take(from: inbox, by: present, now: start) == [])
    }

    @Test func recordsToNobodyAreCounted() {
        var board = makeBoard()
        let inbox = InboxPlace(tenant: place.tenant, boot: .random())
        #expect(board.send(record(to: .inbox(inbox)), now: start).outcome == .stored)
        #expect(board.account.counters.toNobody == 1)
        #expect(board.account.counters.bytes == 0)
    }

    // Presence

    @Test func aSlowWatcherLosesOldBeatsAndNoClosing() {
        var board = makeBoard { $0.watchBeats = 2 }
        let boot = BootID.random()
        let watcher = board.watch(place.tenant)
        for text in ["0", "1"] { _ = board.send(record(text, to: .presence(place.tenant)), now: start) }
        let inbox = InboxPlace(tenant: place.tenant, boot: boot)
        board.close(inbox, board.openInbox(inbox))
        for text in ["2", "3"] { _ = board.send(record(text, to: .presence(place.tenant)), now: start) }
        #expect(
            board.take(from: place.tenant, by: watcher, now: start)
                == [.closed(boot), .beat(Array("2".utf8)), .beat(Array("3".utf8))])
        #expect(board.account.counters.lostBeats == 2)
    }

    @Test func beatsOfOneWatcherAreBoundedByBytesAndExpire() {
        var board = makeBoard { $0.watchBytes = 8 }
        let watcher = board.watch(place.tenant)
        for (text, living) in [("1111", 30), ("2222", 1), ("3333", 30)] {
            _ = board.send(record(text, to: .presence(place.tenant), living: living), now: start)
        }
        let later = start + .seconds(2)
        #expect(board.take(from: place.tenant, by: watcher, now: later) == [.beat(Array("3333".utf8))])
    }

    @Test func aWatcherThatReadsNoneOfTooManyClosingsIsClosed() {
        var board = makeBoard { $0.watchClosings = 3 }
        let watcher = board.watch(place.tenant)
        for _ in 0..<4 {
            let inbox = InboxPlace(tenant: place.tenant, boot: .random())
            board.close(inbox, board.openInbox(inbox))
        }
        #expect(board.takeActions().closed.contains(watcher))
        #expect(board.take(from: place.tenant, by: watcher, now: start) == nil)
    }
}
