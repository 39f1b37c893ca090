internal import DurableFiles
internal import Failpoints
internal import GRDB
internal import Logging
public import RelayDelivery
public import RelayFormat
internal import Synchronization

/// A connector's journal in one SQLite file.
///
/// One connection does all the work, reads as well.
public final class ResultJournal: ExecutionJournal {
    private struct Submission: Sendable {
        let changes: [JournalChange]
        let completion: @Sendable (LedgerError?) -> Void
    }

    private struct State {
        var held: JournalHoldings
        var nextPurge = RelayTime(milliseconds: 0)
        var flushes: UInt64 = 0
        var isFlushing = true
    }

    private static let batchChanges = 256
    private static let mostWaiting = 16_384

    private let queue: CommitQueue<Submission>
    private let bounds: JournalBounds
    private let clock: @Sendable () -> RelayTime
    private let logger: Logger
    private let state: Mutex<State>

    init(
        database: DatabaseQueue, bounds: JournalBounds, held: JournalHoldings,
        clock: @escaping @Sendable () -> RelayTime, logger: Logger
    ) {
        queue = CommitQueue(database: database, name: "journal", mostWeight: Self.batchChanges, logger: logger) {
            $0.changes.count
        }
        self.bounds = bounds
        self.clock = clock
        self.logger = logger
        state = Mutex(State(held: held))
    }

    /// How many transactions were flushed to disk since the opening.
    public var flushes: UInt64 { state.withLock { $0.flushes } }

    /// How many requests are in the journal.
    public var count: Int { state.withLock { $0.held.requests } }

    /// How many bytes of answers are in the journal.
    public var bytes: Int { state.withLock { $0.held.answers } }

    /// When the oldest answer was written that is kept and that no dispatcher has confirmed.
    public func oldestUnconfirmed() async throws(LedgerError) -> RelayTime? {
        try await read { database in
            try Int64.fetchOne(
                database,
                sql: """
                    SELECT written FROM request WHERE outcome IS NOT NULL AND receipted = 0 ORDER BY number LIMIT 1
                    """
            ).map { RelayTime(milliseconds: UInt64(clamping: $0)) }
        }
    }

    public func submit(_ changes: [JournalChange], completion: @escaping @Sendable (LedgerError?) -> Void) {
        let submission = Submission(changes: changes, completion: completion)
        guard queue.put(CollectionOfOne(submission), atMost: Self.mostWaiting) else {
            return completion(LedgerError(.unavailable, "the journal is closed, or too slow for what comes"))
        }
        queue.drain(write)
    }

    public func find(_ ids: [RequestID]) async throws(LedgerError) -> [JournalRecord] {
        try await read { database in
            try ids.compactMap { id in
                try Row.fetchOne(
                    database.cachedStatement(sql: "SELECT * FROM request WHERE id = ?"), arguments: [id.description]
                ).map { try JournalRecord($0) }
            }
        }
    }

    public func unconfirmed(at now: RelayTime) async throws(LedgerError) -> [JournalRecord] {
        try await read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT * FROM request WHERE state = 3 AND receipted = 0 AND deadline > ? ORDER BY number",
                arguments: [Int64(clamping: now.milliseconds)]
            ).map { try JournalRecord($0) }
        }
    }

    /// Writes what was submitted, and closes the file; nothing is taken from now on.
    public func close() async {
        queue.stop()
        await queue.close(write)
    }

    private func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(LedgerError) -> Value {
        let result = await withCheckedContinuation { continuation in
            queue.database.asyncWriteWithoutTransaction { database in
                continuation.resume(
                    returning: Result { () throws(LedgerError) in
                        do { return try body(database) } catch { throw LedgerError(error) }
                    })
            }
        }
        return try result.get()
    }

    // MARK: On the connection's queue

    @Sendable private func write(_ batch: ArraySlice<Submission>, into database: Database) {
        for (submission, error) in zip(batch, outcomes(of: batch, in: database)) { submission.completion(error) }
    }

    /// Writes a batch in one transaction; when that fails, each submission in its own, so that one spoils no other.
    private func outcomes(of batch: ArraySlice<Submission>, in database: Database) -> [LedgerError?] {
        do {
            let errors = try commit(batch, into: database)
            queue.note(failure: nil)
            return errors
        } catch {
            queue.note(failure: error)
            if (error as? DatabaseError)?.resultCode == .SQLITE_FULL { makeRoom(in: database) }
        }
        return batch.map { submission in
            do {
                return try commit([submission], into: database)[0]
            } catch {
                return LedgerError(error)
            }
        }
    }

    private func commit(_ batch: ArraySlice<Submission>, into database: Database) throws -> [LedgerError?] {
        let mustFlush = batch.contains { $0.changes.contains { $0.mustBeFlushed } }
        Failpoint.reach(mustFlush ? .journalBeginBefore : .journalEndBefore)
        try setFlushing(mustFlush, in: database)
        let now = clock()
        var errors: [LedgerError?] = []
        try transact(in: database, at: now) { page in
            if state.withLock({ $0.nextPurge <= now || $0.held.requests >= bounds.requests }) { try page.purge() }
            for submission in batch {
                guard try page.hasRoom(for: submission.changes) else {
                    errors.append(
                        LedgerError(.full, "the journal holds \(bounds.requests) requests and takes no more"))
                    continue
                }
                for change in submission.changes { try page.apply(change) }
                errors.append(nil)
            }
            Failpoint.reach(mustFlush ? .journalBeginInside : .journalEndInside)
        }
        Failpoint.reach(mustFlush ? .journalBeginAfter : .journalEndAfter)
        state.withLock { state in
            if mustFlush { state.flushes += 1 }
            if state.nextPurge <= now { state.nextPurge = now + .seconds(60) }
        }
        return errors
    }

    private func transact(in database: Database, at now: RelayTime, _ body: (inout JournalPage) throws -> Void) throws {
        var page = JournalPage(database: database, bounds: bounds, now: now, held: state.withLock { $0.held })
        try database.inTransaction(.immediate) {
            try body(&page)
            return .commit
        }
        state.withLock { $0.held = page.held }
    }

    /// What has begun has to outlast a power cut; all else only the process, which costs no flush.
    private func setFlushing(_ isFlushing: Bool, in database: Database) throws {
        guard state.withLock({ $0.isFlushing != isFlushing }) else { return }
        try database.execute(sql: "PRAGMA synchronous = \(isFlushing ? "FULL" : "NORMAL")")
        state.withLock { $0.isFlushing = isFlushing }
    }

    private func makeRoom(in database: Database) {
        do {
            try transact(in: database, at: clock()) { try $0.makeRoom() }
        } catch {
            logger.debug("Journal has no room to make", metadata: ["reason": "\(error)"])
        }
    }
}
