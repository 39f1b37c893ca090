import Foundation
import GRDB
import Logging
import RelayDelivery
import RelayFormat
import RequestLedger
import Synchronization

/// A folder with the file of one journal, and a clock to turn.
final class JournalFolder: Sendable {
    let path: String
    private let time = Mutex(RelayTime(milliseconds: 1_000_000_000))

    init() throws {
        path = NSTemporaryDirectory() + "postern-journal-" + BootID.random().description
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// Finds the folder that another process has made.
    init(path: String) {
        self.path = path
    }

    /// Where a process that is going to be killed notes what was confirmed.
    var witness: String { path + "/confirmed" }

    var file: String { path + "/journal.sqlite" }

    var now: RelayTime { time.withLock { $0 } }

    func wait(_ duration: Duration) { time.withLock { $0 = $0 + duration } }

    func open(_ bounds: JournalBounds = JournalBounds()) async throws(LedgerError) -> ResultJournal {
        try await ResultJournal.open(
            path: file, bounds: bounds, clock: { self.now },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Copies the file and its log as they are, which is what a process leaves that is killed now.
    func copyAsKilled() throws -> JournalFolder {
        let copy = try JournalFolder()
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: file + suffix, toPath: copy.file + suffix)
        }
        return copy
    }

    func record(_ id: RequestID, _ state: JournalRecord.State, attempt: UInt32 = 1) -> JournalRecord {
        JournalRecord(
            id: id, attempt: attempt, requestClass: .once, tenant: TenantID(high: 1, low: 2),
            group: GroupID(high: 3, low: 4), dispatcher: MemberID(high: 5, low: 6), deadline: now + .seconds(60),
            state: state)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}

extension ResultJournal {
    func state(of id: RequestID) async throws -> JournalRecord.State? { try await find([id]).first?.state }
}

extension ResponseMessage.Outcome {
    static func answer(_ size: Int) -> Self {
        .http(HTTPResponseContent(status: 200, headers: [], body: [UInt8](repeating: 7, count: size)[...]))
    }
}
