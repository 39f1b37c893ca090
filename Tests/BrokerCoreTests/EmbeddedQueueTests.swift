import BrokerConformance
import RelayFormat
import Synchronization
import Testing

@testable import BrokerCore

@Suite struct EmbeddedQueueTests {
    private let place = GroupPlace(tenant: .random(), group: .random())
    private let clock = TurnableClock()

    private func record(_ durability: Durability = .process, clock: RelayClock? = nil) -> OutgoingRecord {
        OutgoingRecord(
            to: .group(place), payload: [1], expiresAt: (clock ?? self.clock.clock).now + .seconds(30),
            durability: durability)
    }

    private func makeBroker(_ store: HeldStore) -> StoredBroker {
        StoredBroker(queue: EmbeddedQueue(limits: BoardLimits(), clock: clock.clock, store: store))
    }

    @Test func leasesEndByThemselvesWhileTheBrokerRuns() async throws {
        var limits = BoardLimits()
        limits.leaseTime = .milliseconds(30)
        let broker = InMemoryBroker(limits: limits)
        async let running: Void = broker.run()
        let first = try await broker.subscribe(to: place, as: .random(), credit: 1)
        try await broker.send(record(clock: .system))
        _ = await first.next()
        let second = try await broker.subscribe(to: place, as: .random(), credit: 1)
        let events = try #require(await second.next())
        guard case .delivered(let deliveries) = events.first else {
            Issue.record("a delivery was expected")
            return
        }
        #expect(deliveries.map(\.mayBeRedelivery) == [true])
        await broker.close()
        try await running
    }

    @Test func runningEndsWithItsTask() async throws {
        let broker = InMemoryBroker()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await broker.run() }
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    @Test func aDurableSendWaitsForTheDiskAndItsDeliveryDoesNot() async throws {
        let store = HeldStore()
        let broker = makeBroker(store)
        let member = try await broker.subscribe(to: place, as: .random(), credit: 1)
        async let outcome = broker.send([record(.disk)])
        #expect(await member.next()?.count == 1)
        #expect(store.held == 1)
        store.release(failing: nil)
        #expect(await outcome == [.stored])
    }

    @Test func recordsThatNeedNoDiskDoNotTouchIt() async throws {
        let store = HeldStore()
        let broker = makeBroker(store)
        #expect(await broker.send([record(), record()]) == [.stored, .stored])
        let member = try await broker.subscribe(to: place, as: .random(), credit: 2)
        for case .delivered(let deliveries) in try #require(await member.next()) {
            #expect(try await member.complete(deliveries.map(\.token)) == [])
        }
        #expect(store.held == 0)
    }

    @Test func aRecordThatCannotBeStoredIsTakenBack() async throws {
        let store = HeldStore()
        let broker = makeBroker(store)
        async let outcomes = broker.send([record(.disk), record()])
        await store.awaitOperation()
        store.release(failing: BrokerError(.notPersisted, "full"))
        #expect(await outcomes == [.failed(BrokerError(.notPersisted, "")), .stored])
        #expect(broker.queue.counters.records == 1)
    }

    @Test func aRecordThatIsTakenBackFromAMemberMayHaveRun() async throws {
        let store = HeldStore()
        let broker = makeBroker(store)
        let member = try await broker.subscribe(to: place, as: .random(), credit: 1)
        async let outcomes = broker.send([record(.disk)])
        guard case .delivered(let deliveries) = await member.next()?.first else {
            Issue.record("a delivery was expected")
            return
        }
        store.release(failing: BrokerError(.notPersisted, "full"))
        #expect(await outcomes == [.failed(BrokerError(.unknown, ""))])
        #expect(await member.next() == [.revoked(deliveries.map(\.token))])
    }

    @Test func aRecordThatWasSettledBeforeItsStoringFailedWasStoredLongEnough() async throws {
        let store = HeldStore()
        let broker = makeBroker(store)
        let member = try await broker.subscribe(to: place, as: .random(), credit: 1)
        async let outcomes = broker.send([record(.disk)])
        guard case .delivered(let deliveries) = await member.next()?.first else {
            Issue.record("a delivery was expected")
            return
        }
        async let fenced = member.complete(deliveries.map(\.token))
        await store.awaitOperation()
        await store.awaitOperation()
        store.release(failing: BrokerError(.notPersisted, "full"))
        #expect(try await fenced == [])
        #expect(await outcomes == [.stored])
    }
}

private struct StoredBroker: EmbeddedBroker {
    let queue: EmbeddedQueue
    let capabilities = BrokerCapabilities(
        name: "held", largestPayload: 1024, durability: .disk, canProvision: true, seesClosedLinks: true)
}

/// A store that does nothing until it is told.
private final class HeldStore: RecordStore {
    private let waiting = Mutex<[(StoreOperation, StoreTicket)]>([])
    private let arrivals = Mailbox<Void>()
    private let pending = Mutex(0)

    var held: Int { waiting.withLock { $0.count } }

    func enqueue(_ operations: [StoreOperation]) -> StoreTicket {
        let ticket = StoreTicket(operations: operations.count)
        waiting.withLock { $0 += operations.map { ($0, ticket) } }
        arrivals.put(operations.map { _ in () })
        return ticket
    }

    /// Waits for one more operation.
    func awaitOperation() async {
        if pending.withLock({ $0 }) == 0 {
            let count = await arrivals.take()?.count ?? 0
            pending.withLock { $0 += count }
        }
        pending.withLock { $0 -= 1 }
    }

    /// Ends what waits: insertions as told, deletions well.
    func release(failing error: BrokerError?) {
        let all = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for (operation, ticket) in all {
            if case .insert(let record) = operation {
                ticket.resolve(record.number, error)
            } else {
                ticket.resolve(operation.record)
            }
        }
    }

    func flush() {}
    func close() async {}
}
