import BrokerConformance
import BrokerCore
import Foundation
import GRDB
import Logging
import RelayFormat
import SQLiteBroker
import Testing

@Suite struct DurabilityTests {
    private let place = GroupPlace(tenant: .random(), group: .random())

    private func record(
        _ text: String, durability: Durability = .disk, until expiresAt: RelayTime = .never
    ) -> OutgoingRecord {
        OutgoingRecord(to: .group(place), payload: Array(text.utf8), expiresAt: expiresAt, durability: durability)
    }

    private func take(_ count: Int, from subscription: any GroupSubscription) async -> [Delivery] {
        var taken: [Delivery] = []
        while taken.count < count, let events = await subscription.next() {
            for case .delivered(let deliveries) in events { taken += deliveries }
        }
        return taken
    }

    private func texts(_ deliveries: [Delivery]) -> [String] {
        deliveries.map { String(decoding: $0.payload, as: UTF8.self) }
    }

    @Test func aKilledBrokerLosesNothingStoredAndRevivesNothingCompleted() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let broker = try await folder.openBroker()
        let sent = (0..<100).map { "record \($0)" }
        #expect(await broker.send(sent.map { record($0) }).allSatisfy { $0 == .stored })
        let member = try await broker.subscribe(to: place, as: .random(), credit: 40)
        let held = await take(40, from: member)
        #expect(try await member.complete(held.prefix(20).map(\.token)) == [])

        let killed = try folder.copyAsKilled()
        defer { killed.remove() }
        await broker.close()
        let reopened = try await killed.openBroker()
        let newcomer = try await reopened.subscribe(to: place, as: .random(), credit: 200)
        let returned = await take(80, from: newcomer)
        #expect(texts(returned) == Array(sent.suffix(80)))
        #expect(returned.allSatisfy { $0.mayBeRedelivery && $0.token.leaseEpoch == 2 })
        #expect(try await newcomer.complete(held.prefix(20).map(\.token)).count == 20)
        #expect(try await newcomer.complete(returned.map(\.token)) == [])
        #expect(try await killed.storedRecords() == 0)
        #expect(try await killed.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") } == "ok")
        await reopened.close()
    }

    @Test func whatManySendersStoredIsThereAfterAKill() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let broker = try await folder.openBroker()
        let member = try await broker.subscribe(to: place, as: .random(), credit: 10)
        var completed: Set<String> = []
        var sent: Set<String> = []
        for round in 0..<5 {
            let names = (0..<50).map { "\(round)/\($0)" }
            let outcomes = await withTaskGroup(of: [SendOutcome].self) { group in
                for name in names { group.addTask { await broker.send([record(name)]) } }
                return await group.reduce(into: [SendOutcome]()) { $0 += $1 }
            }
            #expect(outcomes.allSatisfy { $0 == .stored })
            sent.formUnion(names)
            let taken = await take(10, from: member)
            #expect(try await member.complete(taken.map(\.token)) == [])
            completed.formUnion(texts(taken))

            let killed = try folder.copyAsKilled()
            let reopened = try await killed.openBroker()
            let newcomer = try await reopened.subscribe(to: place, as: .random(), credit: 1000)
            let returned = await take(sent.count - completed.count, from: newcomer)
            #expect(Set(texts(returned)) == sent.subtracting(completed))
            #expect(try await killed.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") } == "ok")
            await reopened.close()
            killed.remove()
        }
        await broker.close()
    }

    @Test func aBrokerThatIsDroppedWithoutFarewellLeavesItsRecords() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        #expect(await (try folder.openBroker()).send([record("kept")]) == [.stored])
        let broker = try await folder.openBroker()
        let member = try await broker.subscribe(to: place, as: .random(), credit: 1)
        #expect(texts(await take(1, from: member)) == ["kept"])
        await broker.close()
    }

    @Test func recordsOfTheProcessNeverTouchTheDisk() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let broker = try await folder.openBroker()
        let outcomes = await broker.send((0..<100).map { record("\($0)", durability: .process) })
        #expect(outcomes.allSatisfy { $0 == .stored })
        let member = try await broker.subscribe(to: place, as: .random(), credit: 50)
        #expect(try await member.complete(await take(50, from: member).map(\.token)) == [])
        #expect(broker.transactions == 0)
        #expect(try await folder.storedRecords() == 0)
        await broker.close()
    }

    @Test func oneTransactionCarriesManyRecords() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let broker = try await folder.openBroker()
        _ = await broker.send((0..<1000).map { record("\($0)") })
        #expect(broker.transactions == 4)
        _ = await broker.send((0..<8).map { _ in record(String(repeating: "x", count: 250_000)) })
        #expect(broker.transactions == 6)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<500 { group.addTask { _ = await broker.send([record("\(number)")]) } }
        }
        #expect(broker.transactions < 256)
        await broker.close()
        #expect(try await folder.storedRecords() == 1508)
    }

    @Test func aFullDiskRefusesNewRecordsAndLetsCompletionsGoOn() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let broker = try await folder.openBroker(largestFile: 400_000)
        let text = String(repeating: "x", count: 10_000)
        let outcomes = await broker.send((0..<60).map { _ in record(text) })
        let stored = outcomes.count { $0 == .stored }
        #expect(stored > 10 && stored < 40)
        #expect(outcomes.allSatisfy { $0 == .stored || $0 == .failed(BrokerError(.notPersisted, "")) })
        #expect(broker.queue.counters.records == stored)

        let member = try await broker.subscribe(to: place, as: .random(), credit: 1000)
        #expect(await broker.send([record("not kept", durability: .process)]) == [.stored])
        let taken = await take(stored + 1, from: member)
        #expect(try await member.complete(taken.map(\.token)) == [])
        #expect(try await folder.storedRecords() == 0)
        #expect(await broker.send([record(text)]) == [.stored])
        await broker.close()
    }

    @Test func expiredRecordsLeaveTheDisk() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let clock = TurnableClock()
        let broker = try await folder.openBroker(clock: clock.clock)
        let soon = clock.clock.now + .seconds(5)
        #expect(
            await broker.send([record("a", until: soon), record("b", until: soon), record("c")]) == [
                .stored, .stored, .stored,
            ])
        let killed = try folder.copyAsKilled()
        defer { killed.remove() }
        clock.advance(by: .seconds(6))
        broker.queue.meetDeadlines()
        await broker.close()
        #expect(try await folder.storedRecords() == 1)

        let reopened = try await killed.openBroker(clock: clock.clock)
        #expect(reopened.queue.counters.records == 1)
        #expect(try await killed.storedRecords() == 1)
        await reopened.close()
    }

    @Test func tenantsAndGroupsComeBackWhereTheyWere() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let broker = try await folder.openBroker()
        let other = GroupPlace(tenant: .random(), group: place.group)
        let foreign = OutgoingRecord(to: .group(other), payload: [1], expiresAt: .never, durability: .disk)
        #expect(await broker.send([foreign, record("ours")]) == [.stored, .stored])
        await broker.close()
        let reopened = try await folder.openBroker()
        let member = try await reopened.subscribe(to: place, as: .random(), credit: 2)
        let stranger = try await reopened.subscribe(to: other, as: .random(), credit: 2)
        #expect(texts(await take(1, from: member)) == ["ours"])
        #expect(await take(1, from: stranger).map(\.payload) == [[1]])
        await reopened.close()
    }

    @Test func theFileIsItsOwnersAlone() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let broker = try await folder.openBroker()
        #expect(await broker.send([record("secret")]) == [.stored])
        for suffix in ["", "-wal", "-shm"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.file + suffix)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
        await broker.close()
    }

    @Test func whatIsNoQueueIsRefused() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        try Data("This is a letter, and not a small one at that.".utf8).write(to: URL(filePath: folder.file))
        await #expect(throws: SQLiteBrokerError(.cannotOpen, "")) { _ = try await folder.openBroker() }
        let nowhere = "/nowhere/queue.sqlite"
        await #expect(throws: SQLiteBrokerError(.cannotOpen, "")) {
            _ = try await DurableBroker.open(path: nowhere, logger: .init(label: "test"))
        }
    }
}
