import Failpoints
import Foundation
import GRDB
import RelayDelivery
import RelayFormat
import RequestLedger
import Synchronization
import Testing

@Suite("The ledger of a killed process", .serialized, .timeLimit(.minutes(5)))
struct LedgerKillTests {
    static let points = Failpoint.allCases.filter { $0.rawValue.hasPrefix("ledger.") }

    @Test("whatever was confirmed before a kill -9 is there afterwards", arguments: [1, 50, 173, 310, 499])
    func killed(confirmations: Int) async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = folder.path as String, confirmations = confirmations as Int] in
            try await KilledLedger(folder: LedgerFolder(path: path), killing: confirmations).work()
        }
        #expect(try await Self.inspect(folder) >= confirmations)
    }

    @Test("the same at every write point", arguments: points, [1, 7])
    func killed(at point: Failpoint, passing: Int) async throws {
        // A process opens its ledger once.
        guard passing == 1 || !point.rawValue.hasPrefix("ledger.open.") else { return }
        let folder = try LedgerFolder()
        defer { folder.remove() }
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = folder.path as String, failpoint = "\(point.rawValue):\(passing)" as String] in
            setenv("POSTERN_FAILPOINT", failpoint, 1)
            try await KilledLedger(folder: LedgerFolder(path: path), killing: .max).work()
        }
        _ = try await Self.inspect(folder)
    }

    /// Looks for all that was confirmed in what a killed process has left.
    ///
    /// - Returns: how much that was.
    private static func inspect(_ folder: LedgerFolder) async throws -> Int {
        let ledger = try await folder.open()
        #expect(try await folder.integrity() == "ok")
        let confirmed = (try? String(contentsOfFile: folder.witness, encoding: .utf8))?.split(separator: "\n") ?? []
        for line in confirmed {
            let parts = line.split(separator: " ")
            guard parts.count == 2, let id = RequestID(parts[1]) else { continue }
            let found = try #require(try await ledger.request(id, of: .none), "\(line) is lost")
            let deliveries = try await ledger.deliveries(of: id, in: .none)
            #expect(parts[0] == "submitted" || found.ending != nil, "\(line) is lost")
            #expect(deliveries.count == (found.ending == nil ? 0 : 1))
            if parts[0] == "delivered" { #expect(deliveries.first?.state == .delivered, "\(line) is lost") }
        }
        // And it goes on.
        let request = DurableRequest.sample(tenant: .none)
        #expect(try await ledger.submit(request) == .stored)
        try await ledger.record([request.answered()])
        await ledger.close()
        return confirmed.count
    }
}

/// What a process does that is going to be killed: submits, ends, delivers and sweeps, and notes what it was told.
private struct KilledLedger {
    /// Long after what is swept.
    private static let moment = RelayTime.at(10 * 24 * 3600)

    let folder: LedgerFolder
    let killing: Int

    func work() async throws {
        let ledger = try await folder.open()
        let witness = try Witness(path: folder.witness, killing: killing)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<200 {
                        let old = DurableRequest.sample(tenant: TenantID(high: 1, low: 1))
                        let request = DurableRequest.sample(tenant: .none, at: Self.moment, webhook: "billing")
                        guard try await ledger.submit(request) == .stored, try await ledger.submit(old) == .stored
                        else { return }
                        witness.note("submitted \(request.id)")
                        try await ledger.record([request.answered(at: Self.moment), old.answered()])
                        witness.note("ended \(request.id)")
                        for var delivery in try await ledger.deliveries(of: request.id, in: .none) {
                            delivery.state = .delivered
                            try await ledger.note(delivery)
                            witness.note("delivered \(request.id)")
                        }
                        try await ledger.sweep(now: .at(2 * 24 * 3600))
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}

/// Notes in a file what was confirmed, and kills its process after a number of notes, which outlive it.
private final class Witness: Sendable {
    private let file: FileHandle
    private let last: Int
    private let count = Mutex(0)

    init(path: String, killing last: Int) throws {
        try Data().write(to: URL(filePath: path))
        file = try FileHandle(forWritingTo: URL(filePath: path))
        self.last = last
    }

    func note(_ line: String) {
        count.withLock { count in
            file.write(Data("\(line)\n".utf8))
            count += 1
            if count == last { kill(getpid(), SIGKILL) }
        }
    }
}
