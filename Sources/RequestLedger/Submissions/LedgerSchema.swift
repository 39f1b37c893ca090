internal import GRDB

/// The form of the ledger's file.
///
/// What is large stands in tables of its own: a change of a request's progress must not write its bodies again.
enum LedgerSchema {
    /// Brings a file to the present form.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("requests") { try $0.execute(sql: requests) }
        return migrator
    }

    private static let requests = """
        CREATE TABLE ledger (
            one   INTEGER PRIMARY KEY CHECK (one = 1),
            boots INTEGER NOT NULL
        ) STRICT;
        INSERT INTO ledger VALUES (1, 0);

        CREATE TABLE request (
            number          INTEGER PRIMARY KEY,
            id              TEXT NOT NULL UNIQUE,
            tenant          TEXT NOT NULL,
            "group"         TEXT NOT NULL,
            group_name      TEXT NOT NULL,
            service         TEXT NOT NULL,
            caller          TEXT NOT NULL,
            idempotency_key TEXT,
            fingerprint     BLOB NOT NULL,
            park_until      INTEGER NOT NULL,
            submitted_at    INTEGER NOT NULL,
            webhook         TEXT,
            standing        INTEGER NOT NULL,
            class           INTEGER NOT NULL,
            attempt         INTEGER NOT NULL,
            losses          INTEGER NOT NULL,
            deadline        INTEGER NOT NULL,
            holder          TEXT,
            holder_boot     TEXT,
            holder_name     TEXT,
            state           TEXT NOT NULL,
            ended_at        INTEGER,
            ended_attempt   INTEGER,
            ended_by        TEXT,
            ended_by_name   TEXT,
            status          INTEGER,
            failure         INTEGER,
            detail          TEXT,
            events          INTEGER NOT NULL,
            bytes           INTEGER NOT NULL,
            keep_until      INTEGER
        ) STRICT;
        CREATE UNIQUE INDEX request_by_key ON request (tenant, caller, service, idempotency_key)
            WHERE idempotency_key IS NOT NULL;
        CREATE INDEX request_by_state ON request (tenant, state, number);
        CREATE INDEX request_by_end ON request (keep_until) WHERE keep_until IS NOT NULL;

        CREATE TABLE operation (
            request INTEGER PRIMARY KEY REFERENCES request (number) ON DELETE CASCADE,
            content BLOB NOT NULL
        ) STRICT;

        CREATE TABLE result (
            request INTEGER PRIMARY KEY REFERENCES request (number) ON DELETE CASCADE,
            content BLOB NOT NULL
        ) STRICT;

        CREATE TABLE event (
            request   INTEGER NOT NULL REFERENCES request (number) ON DELETE CASCADE,
            number    INTEGER NOT NULL,
            at        INTEGER NOT NULL,
            kind      INTEGER NOT NULL,
            attempt   INTEGER NOT NULL,
            connector TEXT NOT NULL,
            detail    TEXT NOT NULL,
            PRIMARY KEY (request, number)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE delivery (
            number   INTEGER PRIMARY KEY,
            id       TEXT NOT NULL UNIQUE,
            request  INTEGER NOT NULL REFERENCES request (number) ON DELETE CASCADE,
            tenant   TEXT NOT NULL,
            webhook  TEXT NOT NULL,
            kind     INTEGER NOT NULL,
            state    INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            due      INTEGER NOT NULL,
            detail   TEXT NOT NULL
        ) STRICT;
        CREATE INDEX delivery_by_request ON delivery (request);
        CREATE INDEX delivery_by_due ON delivery (due) WHERE state = 1;
        """
}
