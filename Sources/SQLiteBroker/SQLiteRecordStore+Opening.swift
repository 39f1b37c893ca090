internal import BrokerCore
internal import DurableFiles
internal import Failpoints
internal import GRDB
internal import Logging
internal import RelayFormat

extension SQLiteRecordStore {
    /// Opens the file on a thread that may block, and reads what it holds, the oldest first.
    static func open(
        path: String, largestFile: Int, now: RelayTime, logger: Logger
    ) async throws(SQLiteBrokerError) -> (SQLiteRecordStore, [StoredRecord]) {
        try await Blocking.run { () throws(SQLiteBrokerError) in
            let database = try openDatabase(path: path, largestFile: largestFile)
            let recovered = try recover(from: database, now: now)
            return (SQLiteRecordStore(database: database, logger: logger), recovered)
        }
    }

    private static func openDatabase(path: String, largestFile: Int) throws(SQLiteBrokerError) -> DatabaseQueue {
        let database: DatabaseQueue
        let missing: String?
        do {
            try PrivateFile.make(at: path)
            database = try DatabaseQueue(
                path: path, configuration: .durable(label: "postern.queue", largestFile: largestFile))
            try RecordSchema.migrator.migrate(database)
            missing = try database.read { try $0.missingDurability() }
        } catch let error as DurableFileError {
            throw SQLiteBrokerError(.cannotOpen, error.message)
        } catch {
            throw SQLiteBrokerError(.cannotOpen, "\(path): \(error)")
        }
        if let missing { throw SQLiteBrokerError(.notDurable, "\(path): \(missing)") }
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
