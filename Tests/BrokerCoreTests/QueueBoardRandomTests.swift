import RelayFormat
import Testing

@testable import BrokerCore

/// Plays random events on a board and holds its books to what they must always say.
@Suite struct QueueBoardRandomTests {
    private struct Player {
        let reader: ReaderID
        let credit: Int
        var held: [Delivery] = []
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func everyRecordEndsOnceAndTheBooksAgree(seed: UInt64) throws {
        var random = SmallGenerator(state: seed &* 0x9e37_79b9_7f4a_7c15 | 1)
        let place = GroupPlace(tenant: .random(using: &random), group: .random(using: &random))
        var limits = BoardLimits()
        limits.groupRecords = 40
        limits.leaseTime = .seconds(5)
        var board = QueueBoard(limits: limits, durability: .disk, firstRecord: 1)
        var now = RelayTime(milliseconds: 1_000_000)
        var players: [Player] = []
        var admitted = 0
        var completed: Set<UInt64> = []
        for _ in 0..<2000 {
            switch Int.random(in: 0..<12, using: &random) {
            case 0 where players.count < 5:
                let credit = Int.random(in: 1...6, using: &random)
                let reader = board.subscribe(to: place, as: .random(using: &random), credit: credit, now: now)
                players.append(Player(reader: reader, credit: credit))
            case 1 where !players.isEmpty && Int.random(in: 0..<4, using: &random) == 0:
                let player = players.remove(at: Int.random(in: players.indices, using: &random))
                board.leave(place, player.reader, now: now)
            case 2:
                now = now + .milliseconds(Int64.random(in: 0...2000, using: &random))
                _ = board.meetDeadlines(now: now)
            case 3..<7:
                let living = Duration.milliseconds(Int64.random(in: 100...20_000, using: &random))
                let record = OutgoingRecord(to: .group(place), payload: [1, 2, 3], expiresAt: now + living)
                if board.send(record, now: now).outcome == .stored { admitted += 1 }
            default:
                guard !players.isEmpty else { continue }
                let index = Int.random(in: players.indices, using: &random)
                let events = board.take(from: place, by: players[index].reader, now: now)
                for event in try #require(events) {
                    switch event {
                    case .revoked(let tokens): players[index].held.removeAll { tokens.contains($0.token) }
                    case .delivered(let deliveries):
                        #expect(deliveries.allSatisfy { !completed.contains($0.token.record) })
                        players[index].held += deliveries
                    }
                }
                #expect(players[index].held.count <= players[index].credit)
                let count = Int.random(in: 0...players[index].held.count, using: &random)
                let tokens = players[index].held.prefix(count).map(\.token)
                players[index].held.removeFirst(count)
                let fenced = board.complete(tokens, in: place, by: players[index].reader, now: now)
                #expect(fenced == [])
                completed.formUnion(tokens.map(\.record))
            }
            checkBooks(of: board, at: place)
        }
        let counters = board.account.counters
        #expect(Int(counters.completed) == completed.count)
        #expect(admitted == completed.count + Int(counters.expired) + counters.records)
    }

    private func checkBooks(of board: QueueBoard, at place: GroupPlace) {
        let group = board.groups[place] ?? GroupQueue(place: place)
        let leased = group.records.filter { $0.value.holder != nil }
        #expect(group.leased == leased.count)
        #expect(group.members.values.map(\.held.count).reduce(0, +) == leased.count)
        #expect(leased.allSatisfy { entry in group.members.values.contains { $0.held.contains(entry.key) } })
        let ready = group.ready.filter { group.records[$0] != nil }
        #expect(Set(ready) == Set(group.records.keys).subtracting(leased.keys))
        #expect(ready.count == Set(ready).count)
        #expect(group.bytes == 3 * group.records.count)
        #expect(board.account.counters.bytes == group.bytes)
        #expect(board.account.counters.records == group.records.count)
        // Nobody with credit waits while there is work.
        #expect(ready.isEmpty || group.members.values.allSatisfy { !$0.hasCredit })
        #expect(group.records.values.allSatisfy { $0.alarm <= $0.due })
    }
}

/// The xorshift64* generator: the same numbers for the same seed.
private struct SmallGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_f491_4f6c_dd1d
    }
}
