internal import Dispatch
internal import Failpoints
internal import GRDB
internal import Logging
public import RelayDelivery
public import RelayFormat
internal import Synchronization

/// A connector's journal in one SQLite file.
///
/// One connection does all the work, on its own dispatch queue. The first to submit schedules the writing; what comes
/// during a flush is the next transaction.
public final class ResultJournal: ExecutionJournal {
    private struct Submission: Sendable {
        let changes: [JournalChange]
        let completion: @Sendable (JournalError?) -> Void
    }

    private struct State {
        var waiting: [Submission] = []
        var waitingChanges = 0
        var isDraining = false
        var isClosed = false
        var isFailing = false
        var held: JournalHoldings
        var nextPurge = RelayTime(milliseconds: 0)
        var flushes: UInt64 = 0
        var isFlushing = true
    }

    private static let batchChanges = 256
    private static let mostWaiting = 16_384

    private let database: DatabaseQueue
    private let bounds: JournalBounds
    private let clock: @Sendable () -> RelayTime
    private let logger: Logger
    private let state: Mutex<State>

    init(
        database: DatabaseQueue, bounds: JournalBounds, held: JournalHoldings,
        clock: @escaping @Sendable () -> RelayTime, logger: Logger
    ) {
        self.database = database
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
    public func oldestUnconfirmed() async throws(JournalError) -> RelayTime? {
        try await read { database in
            try Int64.fetchOne(
                database,
                sql: """
                    SELECT written FROM request WHERE outcome IS NOT NULL AND receipted = 0 ORDER BY number LIMIT 1
                    """
            ).map { RelayTime(milliseconds: UInt64(clamping: $0)) }
        }
    }

    public func submit(_ changes: [JournalChange], completion: @escaping @Sendable (JournalError?) -> Void) {
        let (isTaken, isMine) = state.withLock { state -> (Bool, Bool) in
            guard !state.isClosed, state.waitingChanges + changes.count <= Self.mostWaiting else {
                return (false, false)
            }
            state.waiting.append(Submission(changes: changes, completion: completion))
            state.waitingChanges += changes.count
            defer { state.isDraining = true }
            return (true, !state.isDraining)
        }
        guard isTaken else {
            return completion(JournalError(.unavailable, "the journal is closed, or too slow for what comes"))
        }
        if isMine { database.asyncWriteWithoutTransaction { self.drain(into: $0) } }
    }

    public func find(_ ids: [RequestID]) async throws(JournalError) -> [JournalRecord] {
        try await read { database in
            try ids.compactMap { id in
                try Row.fetchOne(
                    database.cachedStatement(sql: "SELECT * FROM request WHERE id = ?"), arguments: [id.description]
                ).map { try JournalRecord($0) }
            }
        }
    }

    public func unconfirmed(at now: RelayTime) async throws(JournalError) -> [JournalRecord] {
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
        state.withLock { $0.isClosed = true }
        await withCheckedContinuation { continuation in
            database.asyncWriteWithoutTransaction { database in
                self.drain(into: database)
                continuation.resume()
            }
        }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                do {
                    try self.database.close()
                } catch {
                    self.logger.warning("Journal closed badly", metadata: ["reason": "\(error)"])
                }
                continuation.resume()
            }
        }
    }

    private func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(JournalError) -> Value {
        let result = await withCheckedContinuation { continuation in
            database.asyncWriteWithoutTransaction { database in
                continuation.resume(
                    returning: Result { () throws(JournalError) in
                        do { return try body(database) } catch { throw JournalError(error) }
                    })
            }
        }
        return try result.get()
    }

    // MARK: On the connection's queue

    private func drain(into database: Database) {
        while let all = takeWaiting() {
            var rest = all[...]
            while !rest.isEmpty {
                var changes = 0
                let batch = rest.prefix { submission in
                    defer { changes += submission.changes.count }
                    return changes < Self.batchChanges
                }
                rest = rest.dropFirst(batch.count)
                for (submission, error) in zip(batch, write(batch, into: database)) { submission.completion(error) }
            }
        }
    }

    private func takeWaiting() -> [Submission]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isDraining = false
                return nil
            }
            defer {
                state.waiting = []
                state.waitingChanges = 0
            }
            return state.waiting
        }
    }

    /// Writes a batch in one transaction; when that fails, each submission in its own, so that one spoils no other.
    private func write(_ batch: ArraySlice<Submission>, into database: Database) -> [JournalError?] {
        do {
            let errors = try commit(batch, into: database)
            note(failure: nil)
            return errors
        } catch {
            note(failure: error)
            if (error as? DatabaseError)?.resultCode == .SQLITE_FULL { makeRoom(in: database) }
        }
        return batch.map { submission in
            do {
                return try commit([submission], into: database)[0]
            } catch {
                return JournalError(error)
            }
        }
    }

    private func commit(_ batch: ArraySlice<Submission>, into database: Database) throws -> [JournalError?] {
        let mustFlush = batch.contains { $0.changes.contains { $0.mustBeFlushed } }
        Failpoint.reach(mustFlush ? .journalBeginBefore : .journalEndBefore)
        try setFlushing(mustFlush, in: database)
        let now = clock()
        var errors: [JournalError?] = []
        try transact(in: database, at: now) { page in
            if state.withLock({ $0.nextPurge <= now || $0.held.requests >= bounds.requests }) { try page.purge() }
            for submission in batch {
                guard try page.hasRoom(for: submission.changes) else {
                    errors.append(
                        JournalError(.full, "the journal holds \(bounds.requests) requests and takes no more"))
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

    private func note(failure: (any Error)?) {
        let wasFailing = state.withLock { state in
            defer { state.isFailing = failure != nil }
            return state.isFailing
        }
        if let failure, !wasFailing {
            logger.error("Journal cannot write", metadata: ["reason": "\(failure)"])
        } else if failure == nil, wasFailing {
            logger.notice("Journal writes again")
        }
    }
}
