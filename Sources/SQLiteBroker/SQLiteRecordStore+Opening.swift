internal import BrokerCore
internal import Dispatch
internal import Failpoints
internal import GRDB
internal import Logging
internal import RelayFormat

extension SQLiteRecordStore {
    /// Opens the file on a thread that may block, and reads what it holds, the oldest first.
    static func open(
        path: String, largestFile: Int, now: RelayTime, logger: Logger
    ) async throws(SQLiteBrokerError) -> (SQLiteRecordStore, [StoredRecord]) {
        let opened = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    returning: Result { () throws(SQLiteBrokerError) in
                        let database = try openDatabase(path: path, largestFile: largestFile)
                        let recovered = try recover(from: database, now: now)
                        return (SQLiteRecordStore(database: database, logger: logger), recovered)
                    })
            }
        }
        return try opened.get()
    }

    private static func openDatabase(path: String, largestFile: Int) throws(SQLiteBrokerError) -> DatabaseQueue {
        try PrivateFile.make(at: path)
        var configuration = Configuration()
        configuration.label = "postern.queue"
        configuration.busyMode = .timeout(5)
        // GRDB's own `journalMode = .wal` would set synchronous back to NORMAL after this.
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA journal_mode = WAL")
            try database.execute(sql: "PRAGMA synchronous = FULL")
            try database.execute(sql: "PRAGMA journal_size_limit = \(64 << 20)")
            let pageSize = try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 4096
            try database.execute(sql: "PRAGMA max_page_count = \(largestFile / pageSize)")
        }
        let journal: String?
        let synchronous: Int?
        let database: DatabaseQueue
        do {
            database = try DatabaseQueue(path: path, configuration: configuration)
            try RecordSchema.migrator.migrate(database)
            (journal, synchronous) = try database.read {
                (try String.fetchOne($0, sql: "PRAGMA journal_mode"), try Int.fetchOne($0, sql: "PRAGMA synchronous"))
            }
        } catch {
            throw SQLiteBrokerError(.cannotOpen, "\(path): \(error)")
        }
        guard journal == "wal", synchronous == 2 else {
            throw SQLiteBrokerError(
                .notDurable, "\(path): journal \(journal ?? "unknown"), synchronous \(synchronous ?? -1)")
        }
        return database
    }

    private static func recover(
        from database: DatabaseQueue, now: RelayTime
    ) throws(SQLiteBrokerError) -> [StoredRecord] {
        do {
            Failpoint.reach(.queueOpenBefore)
            let records = try database.write { database in
                try database.deleteExpired(now: now)
                Failpoint.reach(.queueOpenInside)
                return try database.fetchRecords()
            }
            Failpoint.reach(.queueOpenAfter)
            return records
        } catch {
            throw SQLiteBrokerError(.cannotOpen, "\(database.path): \(error)")
        }
    }
}
