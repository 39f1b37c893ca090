public import GRDB

extension Configuration {
    /// The configuration of a connection whose commits are on disk when they return.
    ///
    /// - Parameters:
    ///   - label: the connection's name, for logs and debuggers.
    ///   - largestFile: the most bytes that the file may have.
    ///   - largestLog: the most bytes that the write-ahead log keeps between two checkpoints.
    public static func durable(label: String, largestFile: Int, largestLog: Int = 64 << 20) -> Configuration {
        var configuration = Configuration()
        configuration.label = label
        configuration.busyMode = .timeout(5)
        // GRDB's own `journalMode = .wal` would set synchronous back to NORMAL after this.
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA journal_mode = WAL")
            try database.execute(sql: "PRAGMA synchronous = FULL")
            try database.execute(sql: "PRAGMA journal_size_limit = \(largestLog)")
            let pageSize = try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 4096
            try database.execute(sql: "PRAGMA max_page_count = \(max(1, largestFile / pageSize))")
        }
        return configuration
    }
}

extension Database {
    /// What SQLite did not grant of `Configuration.durable`; nil when it granted all.
    public func missingDurability() throws -> String? {
        let journal = try String.fetchOne(self, sql: "PRAGMA journal_mode")
        let synchronous = try Int.fetchOne(self, sql: "PRAGMA synchronous")
        guard journal != "wal" || synchronous != 2 else { return nil }
        return "journal \(journal ?? "unknown"), synchronous \(synchronous ?? -1)"
    }
}
