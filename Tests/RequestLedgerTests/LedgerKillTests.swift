import Foundation
import GRDB
import RelayDelivery
import RelayFormat
import RequestLedger
import Synchronization
import Testing

@Suite("The ledger of a killed process", .serialized, .timeLimit(.minutes(2)))
struct LedgerKillTests {
    @Test("whatever was confirmed before a kill -9 is there afterwards", arguments: [1, 50, 173, 310, 499])
    func killed(confirmations: Int) async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = folder.path as String, confirmations = confirmations as Int] in
            let folder = LedgerFolder(path: path)
            let ledger = try await folder.open()
            let witness = try Witness(path: folder.witness, killing: confirmations)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<1000 {
                            let request = DurableRequest.sample(tenant: .none, webhook: "billing")
                            guard try await ledger.submit(request) == .stored else { return }
                            witness.note("submitted \(request.id)")
                            try await ledger.record([request.answered()])
                            witness.note("ended \(request.id)")
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        let confirmed = try String(contentsOfFile: folder.witness, encoding: .utf8).split(separator: "\n")
        #expect(confirmed.count >= confirmations)
        let ledger = try await folder.open()
        #expect(try await folder.integrity() == "ok")
        for line in confirmed {
            let parts = line.split(separator: " ")
            guard parts.count == 2, let id = RequestID(parts[1]) else { continue }
            let found = try #require(try await ledger.request(id, of: .none), "\(line) is lost")
            #expect(parts[0] == "submitted" || found.ending != nil, "\(line) is lost")
            if found.ending != nil { #expect(try await ledger.deliveries(of: id, in: .none).count == 1) }
        }
        await ledger.close()
    }
}

/// Notes in a file what was confirmed, and kills its process after a number of notes, which outlive it.
final class Witness: Sendable {
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
