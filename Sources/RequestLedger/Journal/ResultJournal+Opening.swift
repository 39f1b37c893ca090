internal import DurableFiles
internal import Foundation
internal import GRDB
public import Logging
public import RelayDelivery
public import RelayFormat

extension ResultJournal {
    /// Opens a journal, and makes it if it is not there; what an earlier process had begun counts as interrupted.
    ///
    /// A file that is damaged is set aside, under another name, and an empty journal takes its place.
    ///
    /// - Parameters:
    ///   - path: of the file, in a folder that exists; it is readable by its owner alone.
    ///   - clock: the tenant's time.
    /// - Throws: `damaged` for the file of a newer version, or when it cannot be set aside; `unavailable` when the
    ///   folder or the disk does not allow it.
    public static func open(
        path: String, bounds: JournalBounds = JournalBounds(), clock: @escaping @Sendable () -> RelayTime,
        logger: Logger
    ) async throws(LedgerError) -> ResultJournal {
        try await Blocking.run { () throws(LedgerError) in
            try openNow(path: path, bounds: bounds, clock: clock, logger: logger)
        }
    }

    private static func openNow(
        path: String, bounds: JournalBounds, clock: @escaping @Sendable () -> RelayTime, logger: Logger
    ) throws(LedgerError) -> ResultJournal {
        do {
            return try openDatabase(path: path, bounds: bounds, clock: clock, logger: logger)
        } catch let error as LedgerError {
            throw error
        } catch {
            let reason = LedgerError(error)
            guard reason.code == .damaged else { throw LedgerError(reason.code, "\(path): \(reason.message)") }
            let target = try JournalFile.setAside(path, name: clock().milliseconds)
            logger.error(
                "Journal is damaged; begun anew, and what was in it is not known any more",
                metadata: ["set_aside": "\(target)", "reason": "\(reason)"])
        }
        do {
            return try openDatabase(path: path, bounds: bounds, clock: clock, logger: logger)
        } catch {
            throw LedgerError(error)
        }
    }

    private static func openDatabase(
        path: String, bounds: JournalBounds, clock: @escaping @Sendable () -> RelayTime, logger: Logger
    ) throws -> ResultJournal {
        try PrivateFile.make(at: path)
        let configuration = Configuration.durable(
            label: "postern.journal", largestFile: bounds.file, largestLog: 16 << 20)
        let database = try DatabaseQueue(path: path, configuration: configuration)
        guard try database.read({ try !JournalSchema.migrator.hasBeenSuperseded($0) }) else {
            throw LedgerError(.damaged, "\(path) was written by a newer version")
        }
        try JournalSchema.migrator.migrate(database)
        let (held, interrupted) = try database.writeWithoutTransaction { database in
            guard try String.fetchOne(database, sql: "PRAGMA quick_check(1)") == "ok" else {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "the check of the file failed")
            }
            guard try String.fetchOne(database, sql: "PRAGMA journal_mode") == "wal" else {
                throw LedgerError(.unavailable, "\(path): the disk does not allow a write-ahead log")
            }
            try database.execute(sql: "UPDATE request SET state = 4 WHERE state IN (1, 2)")
            let interrupted = database.changesCount
            let row = try Row.fetchOne(database, sql: "SELECT count(*), coalesce(sum(length(outcome)), 0) FROM request")
            return (JournalHoldings(requests: row?[0] ?? 0, answers: row?[1] ?? 0), interrupted)
        }
        logger.info(
            "Journal opened",
            metadata: ["path": "\(path)", "requests": "\(held.requests)", "interrupted": "\(interrupted)"])
        return ResultJournal(database: database, bounds: bounds, held: held, clock: clock, logger: logger)
    }
}

extension JournalRecord {
    /// Reads a row.
    init(_ row: Row) throws(LedgerError) {
        let answer: Data? = row["outcome"]
        guard let id = RequestID(row["id"] as String), let tenant = TenantID(row["tenant"] as String),
            let group = GroupID(row["group"] as String), let dispatcher = MemberID(row["dispatcher"] as String),
            let requestClass = UInt8(exactly: row["class"] as Int64).flatMap(RequestClass.init(rawValue:)),
            let attempt = UInt32(exactly: row["attempt"] as Int64),
            let state = JournalSchema.State(rawValue: row["state"])
        else { throw LedgerError(.damaged, "a row of the journal cannot be read") }
        let deadline: Int64 = row["deadline"]
        self.init(
            id: id, attempt: attempt, requestClass: requestClass, tenant: tenant, group: group,
            dispatcher: dispatcher,
            deadline: deadline == .max ? .never : RelayTime(milliseconds: UInt64(clamping: deadline)),
            state: try Self.state(state, answer.map { [UInt8]($0) }))
    }

    private static func state(_ state: JournalSchema.State, _ answer: [UInt8]?) throws(LedgerError) -> State {
        switch state {
        case .claimed: return .claimed
        case .started: return .started
        case .interrupted: return .interrupted
        case .finished:
            guard let answer else { return .finished(nil) }
            do throws(RelayFormatError) {
                var reader = ByteReader(answer[...])
                return .finished(try ResponseMessage(from: &reader).outcome)
            } catch {
                throw LedgerError(.damaged, "an answer in the journal cannot be read: \(error)")
            }
        }
    }
}
