internal import Dispatch
internal import Failpoints
internal import GRDB
public import Logging
public import RelayDelivery

extension SubmissionLedger {
    /// Opens the ledger in a file, and makes the file if it is not there.
    ///
    /// - Parameter path: of the file, in a directory that exists; it is readable by its owner alone, and one process has
    ///   it open at a time.
    /// - Throws: `damaged` for a file that is no ledger or is broken, `unavailable` for one that cannot be had.
    public static func open(
        path: String, bounds: LedgerBounds = LedgerBounds(), logger: Logger
    ) async throws(LedgerError) -> SubmissionLedger {
        let opened = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    returning: Result { () throws(LedgerError) in
                        try openBlocking(path: path, bounds: bounds, logger: logger)
                    })
            }
        }
        let ledger = try opened.get()
        logger.info("Ledger opened", metadata: ["path": "\(path)", "requests": "\(ledger.count)"])
        return ledger
    }

    private static func openBlocking(
        path: String, bounds: LedgerBounds, logger: Logger
    ) throws(LedgerError) -> SubmissionLedger {
        let file = try LedgerFile(at: path)
        do {
            let database = try DatabaseQueue(path: path, configuration: configuration(largestFile: bounds.fileBytes))
            let size = try prepare(database)
            let reader = try DatabaseQueue(path: path, configuration: configuration(largestFile: nil))
            return SubmissionLedger(
                file: file,
                writer: LedgerWriter(
                    database: database, size: size, largestWaiting: bounds.waitingBytes, logger: logger),
                reader: reader, bounds: bounds, logger: logger)
        } catch {
            let error = LedgerError(error)
            let advice = error.code == .damaged ? "; keep it aside and restore a backup, or begin a new one" : ""
            throw LedgerError(error.code, "\(path): \(error.message)\(advice)")
        }
    }

    private static func configuration(largestFile: Int?) -> Configuration {
        var configuration = Configuration()
        configuration.label = largestFile == nil ? "postern.ledger.reader" : "postern.ledger"
        configuration.busyMode = .timeout(5)
        configuration.readonly = largestFile == nil
        guard let largestFile else { return configuration }
        // GRDB's own `journalMode = .wal` would set synchronous back to NORMAL after this.
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA journal_mode = WAL")
            try database.execute(sql: "PRAGMA synchronous = FULL")
            try database.execute(sql: "PRAGMA journal_size_limit = \(64 << 20)")
            let pageSize = try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 4096
            try database.execute(sql: "PRAGMA max_page_count = \(largestFile / pageSize)")
        }
        return configuration
    }

    /// Checks the file, brings it to the present form and measures it.
    private static func prepare(_ database: DatabaseQueue) throws -> LedgerSize {
        let check = try database.read { try String.fetchOne($0, sql: "PRAGMA quick_check(1)") }
        guard check == "ok" else { throw LedgerError(.damaged, "the file is damaged: \(check ?? "no answer")") }
        let migrator = LedgerSchema.migrator
        guard try database.read({ try !migrator.hasBeenSuperseded($0) }) else {
            throw LedgerError(.unavailable, "the file was written by a newer version")
        }
        Failpoint.reach(.ledgerOpenBefore)
        try migrator.migrate(database)
        Failpoint.reach(.ledgerOpenAfter)
        let (journal, synchronous) = try database.read {
            (try String.fetchOne($0, sql: "PRAGMA journal_mode"), try Int.fetchOne($0, sql: "PRAGMA synchronous"))
        }
        guard journal == "wal", synchronous == 2 else {
            throw LedgerError(
                .unavailable, "not durable: journal \(journal ?? "unknown"), synchronous \(synchronous ?? -1)")
        }
        return try database.read { database in
            let row = try Row.fetchOne(database, sql: "SELECT count(*), total(bytes) FROM request")
            return LedgerSize(requests: row?[0] ?? 0, bytes: Int((row?[1] as Double?) ?? 0))
        }
    }
}
