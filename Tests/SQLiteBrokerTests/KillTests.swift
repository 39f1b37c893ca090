import BrokerCore
import Failpoints
import Foundation
import GRDB
import RelayFormat
import Testing

/// Real processes that kill themselves at each write point of the queue.
@Suite(.timeLimit(.minutes(2))) struct KillTests {
    static let points = Failpoint.allCases.filter { $0.rawValue.hasPrefix("queue.") }

    @Test(
        "A queue whose process is killed at a write point keeps what was acknowledged and revives nothing settled",
        arguments: points, [1, 3, 10])
    func kill(at point: Failpoint, passing: Int) async throws {
        // A process opens its queue once.
        guard passing == 1 || !point.rawValue.hasPrefix("queue.open.") else { return }
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let site = KilledQueue(folder: folder.path)
        try await site.seed(folder)

        let failpoint = "\(point.rawValue):\(passing)"
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = folder.path as String, failpoint = failpoint as String] in
            setenv("POSTERN_FAILPOINT", failpoint, 1)
            try await KilledQueue(folder: path).work()
        }

        let journal = try site.journal()
        let found = try await site.reopen(folder)
        // What was being stored or settled when the end came may be there or not.
        #expect(journal.stored.subtracting(journal.settling).isSubset(of: found))
        #expect(found.isDisjoint(with: journal.settled))
        #expect(found.isSubset(of: journal.storing))
        #expect(try await folder.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") } == "ok")
        // And it goes on: what came back can be settled for good.
        #expect(try await folder.storedRecords() == 0)
    }

    @Test("A failpoint that no write reaches leaves the process alone")
    func unreached() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        try await KilledQueue(folder: folder.path).seed(folder)
        await #expect(processExitsWith: .success) { [path = folder.path as String] in
            setenv("POSTERN_FAILPOINT", "queue.append.inside:1000000", 1)
            try await KilledQueue(folder: path).work()
        }
    }
}
