import BrokerConformance
import BrokerCore
import Foundation
import Logging
import RelayFormat
import SQLiteBroker
import Testing

/// A queue and a journal beside it, in which a process notes what it begins and what it has been told.
struct KilledQueue: Sendable {
    /// What the process wrote down.
    struct Journal {
        var storing: Set<String> = []
        var stored: Set<String> = []
        var settling: Set<String> = []
        var settled: Set<String> = []
    }

    /// The same in every process.
    private static let place = GroupPlace(tenant: TenantID(high: 1, low: 1), group: GroupID(high: 2, low: 2))

    let folder: String

    private var file: String { folder + "/queue.sqlite" }
    private var notes: String { folder + "/notes" }

    /// Leaves five records that last and one that has expired by the next opening.
    func seed(_ scratch: ScratchFolder) async throws {
        let clock = TurnableClock()
        let broker = try await scratch.openBroker(clock: clock.clock)
        let names = (0..<5).map { "seed-\($0)" }
        try note("storing", names)
        #expect(await broker.send(names.map { record($0) }).allSatisfy { $0 == .stored })
        try note("stored", names)
        #expect(await broker.send([record("expired", until: clock.clock.now + .seconds(1))]) == [.stored])
        clock.advance(by: .seconds(2))
        await broker.close()
    }

    /// Stores and settles forty records, by fours, and notes each step: what the process does that is to be killed.
    func work() async throws {
        let broker = try await DurableBroker.open(
            path: file, clock: TurnableClock(RelayTime(milliseconds: 1_800_000_010_000)).clock,
            logger: Logger(label: "killed") { _ in SwiftLogNoOpLogHandler() })
        let member = try await broker.subscribe(to: Self.place, as: .random(), credit: 100)
        for round in 0..<10 {
            let names = (0..<4).map { "\(round)-\($0)" }
            try note("storing", names)
            await withTaskGroup(of: Void.self) { group in
                for name in names {
                    group.addTask {
                        if await broker.send([record(name)]) == [.stored] { try? note("stored", [name]) }
                    }
                }
            }
            guard let events = await member.next() else { return }
            for case .delivered(let deliveries) in events {
                let texts = deliveries.map { String(decoding: $0.payload, as: UTF8.self) }
                try note("settling", texts)
                try await member.complete(deliveries.map(\.token))
                try note("settled", texts)
            }
        }
        await broker.close()
    }

    /// Opens the queue again, takes all that it holds and settles it.
    ///
    /// - Returns: what it held.
    func reopen(_ scratch: ScratchFolder) async throws -> Set<String> {
        let broker = try await scratch.openBroker(
            clock: TurnableClock(RelayTime(milliseconds: 1_800_000_020_000)).clock)
        let member = try await broker.subscribe(to: Self.place, as: .random(), credit: 1000)
        // Comes last, and says that all others have come.
        #expect(await broker.send([record("end", durability: .process)]) == [.stored])
        var found: Set<String> = []
        while !found.contains("end"), let events = await member.next() {
            for case .delivered(let deliveries) in events {
                found.formUnion(deliveries.map { String(decoding: $0.payload, as: UTF8.self) })
                #expect(try await member.complete(deliveries.map(\.token)) == [])
            }
        }
        await broker.close()
        return found.subtracting(["end"])
    }

    /// What the process wrote down before its end.
    func journal() throws -> Journal {
        var journal = Journal()
        for line in try String(contentsOfFile: notes, encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            switch words[0] {
            case "storing": journal.storing.formUnion(words.dropFirst())
            case "stored": journal.stored.formUnion(words.dropFirst())
            case "settling": journal.settling.formUnion(words.dropFirst())
            default: journal.settled.formUnion(words.dropFirst())
            }
        }
        return journal
    }

    private func record(
        _ text: String, durability: Durability = .disk, until expiresAt: RelayTime = .never
    ) -> OutgoingRecord {
        OutgoingRecord(
            to: .group(Self.place), payload: Array(text.utf8), expiresAt: expiresAt, durability: durability)
    }

    /// Appends a line in one call, so that an end finds whole lines only.
    private func note(_ verb: String, _ names: [String]) throws {
        let descriptor = open(notes, O_WRONLY | O_APPEND | O_CREAT, 0o600)
        let line = Array("\(verb) \(names.joined(separator: " "))\n".utf8)
        defer { _ = close(descriptor) }
        guard write(descriptor, line, line.count) == line.count else { throw POSIXError(.EIO) }
    }
}
