internal import GRDB

/// The form of the file.
enum RecordSchema {
    /// Brings a file to the present form.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("records") { database in
            try database.execute(
                sql: """
                    CREATE TABLE record (
                        number  INTEGER PRIMARY KEY,
                        tenant  TEXT NOT NULL,
                        "group" TEXT NOT NULL,
                        expires INTEGER NOT NULL,
                        payload BLOB NOT NULL
                    ) STRICT
                    """)
        }
        return migrator
    }
}
