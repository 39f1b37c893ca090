internal import GRDB

/// The form of the connector's journal.
enum JournalSchema {
    /// How far a request has come, as the file says it.
    enum State: Int64 {
        case claimed = 1
        case started = 2
        case finished = 3
        case interrupted = 4
    }

    /// Brings a file to the present form.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("requests") { database in
            try database.execute(
                sql: """
                    CREATE TABLE request (
                        number     INTEGER PRIMARY KEY,
                        id         TEXT NOT NULL UNIQUE,
                        attempt    INTEGER NOT NULL,
                        class      INTEGER NOT NULL,
                        tenant     TEXT NOT NULL,
                        "group"    TEXT NOT NULL,
                        dispatcher TEXT NOT NULL,
                        deadline   INTEGER NOT NULL,
                        state      INTEGER NOT NULL,
                        receipted  INTEGER NOT NULL DEFAULT 0,
                        written    INTEGER NOT NULL,
                        outcome    BLOB
                    ) STRICT
                    """)
            try database.execute(sql: "CREATE INDEX request_written ON request (written)")
            // The order in which answers make room: those that were confirmed first, then the oldest.
            try database.execute(
                sql: "CREATE INDEX request_answer ON request (receipted DESC, number) WHERE outcome IS NOT NULL")
        }
        return migrator
    }
}
