internal import DurableFiles
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
        let ledger = try await Blocking.run { () throws(LedgerError) in
            try openBlocking(path: path, bounds: bounds, logger: logger)
        }
        logger.info("Ledger opened", metadata: ["path": "\(path)", "requests": "\(ledger.count)"])
        return ledger
    }

    private static func openBlocking(
        path: String, bounds: LedgerBounds, logger: Logger
    ) throws(LedgerError) -> SubmissionLedger {
        let file = try LedgerFile(at: path)
        do {
            let database = try DatabaseQueue(
                path: path, configuration: .durable(label: "postern.ledger", largestFile: bounds.fileBytes))
            let size = try prepare(database)
            let reader = try DatabaseQueue(path: path, configuration: readerConfiguration)
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

    private static var readerConfiguration: Configuration {
        var configuration = Configuration()
        configuration.label = "postern.ledger.reader"
        configuration.busyMode = .timeout(5)
        configuration.readonly = true
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
        if let missing = try database.read({ try $0.missingDurability() }) {
            throw LedgerError(.unavailable, "not durable: \(missing)")
        }
        return try database.read { database in
            let row = try Row.fetchOne(database, sql: "SELECT count(*), total(bytes) FROM request")
            return LedgerSize(requests: row?[0] ?? 0, bytes: Int((row?[1] as Double?) ?? 0))
        }
    }
}
