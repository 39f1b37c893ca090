internal import GRDB

/// The form of the connector's journal.
enum JournalSchema {
    /// Brings a file to the present form.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("requests") { database in
            try database.execute(
                sql: """
                    CREATE TABLE request (
                        number     INTEGER PRIMARY KEY,
                        id         BLOB NOT NULL UNIQUE,
                        attempt    INTEGER NOT NULL,
                        class      INTEGER NOT NULL,
                        tenant     BLOB NOT NULL,
                        "group"    BLOB NOT NULL,
                        dispatcher BLOB NOT NULL,
                        deadline   INTEGER NOT NULL,
                        state      INTEGER NOT NULL,
                        receipted  INTEGER NOT NULL DEFAULT 0,
                        written    INTEGER NOT NULL,
                        outcome    BLOB
                    ) STRICT
                    """)
            try database.execute(sql: "CREATE INDEX request_state ON request (state, receipted)")
            try database.execute(sql: "CREATE INDEX request_written ON request (written)")
        }
        return migrator
    }
}
