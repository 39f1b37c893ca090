internal import GRDB

/// The tables of an audit file.
///
/// `entries` keeps the hash of an archived row when its body is gone, so that the tree stays whole. `nodes` holds the
/// perfect subtrees of 256 and of 65,536 leaves, so that a proof reads hundreds of rows and never all. `intents` are
/// acts that have begun and not ended; they are no part of the chain.
enum AuditSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 logs, entries, nodes, intents, heads") { database in
            try database.execute(
                sql: """
                    CREATE TABLE logs (
                        name TEXT PRIMARY KEY, size INTEGER NOT NULL, peaks BLOB NOT NULL, last BLOB NOT NULL
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE entries (
                        log TEXT NOT NULL, sequence INTEGER NOT NULL, leaf BLOB NOT NULL, body BLOB,
                        time INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
                        PRIMARY KEY (log, sequence)
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE nodes (
                        log TEXT NOT NULL, level INTEGER NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL,
                        PRIMARY KEY (log, level, number)
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE intents (
                        id INTEGER PRIMARY KEY, log TEXT NOT NULL, body BLOB NOT NULL, time INTEGER NOT NULL
                    ) STRICT;
                    CREATE TABLE heads (
                        log TEXT NOT NULL, peer TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL,
                        time INTEGER NOT NULL, noted INTEGER NOT NULL,
                        PRIMARY KEY (log, peer)
                    ) STRICT, WITHOUT ROWID;
                    """)
        }
        return migrator
    }
}
