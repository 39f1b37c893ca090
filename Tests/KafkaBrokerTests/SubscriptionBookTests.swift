internal import BrokerCore
internal import KafkaTopology
internal import RelayFormat
internal import Testing

@testable internal import KafkaBroker

@Suite struct SubscriptionBookTests {
    private let group = GroupPlace(tenant: .random(), group: .random())
    private let now = RelayTime(milliseconds: 1_000_000)

    private func record(_ offset: Int64, living milliseconds: UInt64 = 1000, of group: GroupPlace? = nil)
        -> FetchedRecord
    {
        let group = group ?? self.group
        return FetchedRecord(
            offset: offset,
            key: KafkaRecordKey(
                content: .work, expiresAt: RelayTime(milliseconds: now.milliseconds + milliseconds),
                tenant: group.tenant,
                high: group.group.high, low: group.group.low), payload: [UInt8(truncatingIfNeeded: offset)])
    }

    private func share(_ partition: Int32, from: Int64 = 0, freshFrom: Int64 = 0) -> SubscriptionBook.Share {
        .init(partition: partition, from: from, finished: [], freshFrom: freshFrom)
    }

    private func deliveries(_ events: [GroupEvent]) -> [Delivery] {
        events.flatMap { if case .delivered(let deliveries) = $0 { deliveries } else { [] as [Delivery] } }
    }

    @Test func `what lies before the end at the assignment may be a redelivery`() {
        var book = SubscriptionBook(credit: 10)
        book.assign([share(0, freshFrom: 2)])
        book.receive([record(0), record(1), record(2)], from: 0, for: group, now: now)
        let taken = deliveries(book.take(now: now))
        #expect(taken.map(\.mayBeRedelivery) == [true, true, false])
        #expect(taken.map(\.token.leaseEpoch) == [2, 2, 1])
    }

    @Test func `a revocation takes what is in hand, and fences it`() {
        var book = SubscriptionBook(credit: 10)
        book.assign([share(0), share(1)])
        book.receive([record(0), record(1)], from: 0, for: group, now: now)
        book.receive([record(0)], from: 1, for: group, now: now)
        let taken = deliveries(book.take(now: now))
        #expect(book.complete([taken[0].token]).isEmpty)
        book.revoke()
        #expect(book.take(now: now) == [.revoked([taken[1].token, taken[2].token])])
        #expect(book.complete([taken[1].token]) == [taken[1].token])
        #expect(book.commits().isEmpty)
    }

    @Test func `another group's record is passed over, and does not hold up the position`() {
        var book = SubscriptionBook(credit: 10)
        book.assign([share(0)])
        let other = GroupPlace(tenant: group.tenant, group: .random())
        book.receive([record(0, of: other), record(1)], from: 0, for: group, now: now)
        #expect(deliveries(book.take(now: now)).map(\.payload) == [[1]])
        #expect(book.commits() == [.init(partition: 0, offset: 1, metadata: "")])
    }

    @Test func `what expires while it waits is settled`() {
        var book = SubscriptionBook(credit: 10)
        book.assign([share(0)])
        book.receive([record(0, living: 5), record(1)], from: 0, for: group, now: now)
        let later = RelayTime(milliseconds: now.milliseconds + 6)
        #expect(deliveries(book.take(now: later)).map(\.payload) == [[1]])
        #expect(book.commits() == [.init(partition: 0, offset: 1, metadata: "")])
    }

    @Test func `a commit names what is finished beyond its offset, and one that failed is made again`() {
        var book = SubscriptionBook(credit: 10)
        book.assign([share(7, from: 100, freshFrom: 100)])
        book.receive((100..<104).map { record($0) }, from: 7, for: group, now: now)
        let taken = deliveries(book.take(now: now))
        #expect(book.complete([taken[1].token, taken[2].token]).isEmpty)
        let commits = [SubscriptionBook.Commit(partition: 7, offset: 100, metadata: "1:1+2")]
        #expect(book.commits() == commits)
        #expect(book.commits().isEmpty)
        book.recommit()
        #expect(book.commits() == commits)
    }

    @Test func `fetching pauses when much waits, and goes on when little does`() {
        var book = SubscriptionBook(credit: 1)
        book.assign([share(0)])
        book.receive((0..<300).map { record($0) }, from: 0, for: group, now: now)
        #expect(book.pauses().pause == [0])
        #expect(book.pauses() == ([], []))
        for _ in 0..<250 {
            for delivery in deliveries(book.take(now: now)) { _ = book.complete([delivery.token]) }
        }
        #expect(book.pauses().resume == [0])
    }

    @Test func `records that come again after a pause are not delivered again`() {
        var book = SubscriptionBook(credit: 10)
        book.assign([share(0)])
        book.receive([record(0), record(1)], from: 0, for: group, now: now)
        book.receive([record(0), record(1), record(2)], from: 0, for: group, now: now)
        #expect(deliveries(book.take(now: now)).map(\.payload) == [[0], [1], [2]])
    }
}
