internal import GRDB

/// The tables of the registry.
///
/// Every row names its tenant, and rows point at one another by tenant and id together, so that SQLite itself refuses
/// an account of one tenant in a group of another. Times are milliseconds since 1970.
enum RegistrySchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 tenants, accounts, enrollments, connectors, keys") { database in
            try database.execute(sql: first)
        }
        migrator.registerMigration("2 webhooks") { database in
            try database.execute(sql: second)
        }
        migrator.registerMigration("3 freezing and renewal") { database in
            try database.execute(sql: third)
        }
        migrator.registerMigration("4 renewals and assertions") { database in
            try database.execute(sql: renewals)
        }
        migrator.registerMigration("5 approval and replacement") { database in
            try database.execute(sql: approval)
        }
        migrator.registerMigration("6 token keys") { database in
            try database.execute(sql: tokenKeys)
        }
        migrator.registerMigration("7 sealing") { database in
            try database.execute(sql: sealing)
        }
        migrator.registerMigration("8 roles of administrators") { database in
            try database.execute(sql: administratorRoles)
        }
        migrator.registerMigration("dispatcher instances") { database in
            try database.execute(sql: instances)
        }
        return migrator
    }

    private static let first = """
        CREATE TABLE tenants (
            id TEXT PRIMARY KEY, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL, key_authority TEXT NOT NULL,
            created_at INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE administrators (
            id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL REFERENCES tenants, name TEXT NOT NULL,
            digest BLOB NOT NULL UNIQUE, created_at INTEGER NOT NULL,
            UNIQUE (tenant_id, name)
        ) STRICT;
        CREATE TABLE groups (
            id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL REFERENCES tenants, name TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            UNIQUE (tenant_id, name), UNIQUE (tenant_id, id)
        ) STRICT;
        CREATE TABLE accounts (
            id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL REFERENCES tenants, name TEXT NOT NULL, role TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            UNIQUE (tenant_id, name), UNIQUE (tenant_id, id)
        ) STRICT;
        CREATE TABLE account_groups (
            tenant_id TEXT NOT NULL, account_id TEXT NOT NULL, group_id TEXT NOT NULL,
            PRIMARY KEY (tenant_id, account_id, group_id),
            FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id) ON DELETE CASCADE,
            FOREIGN KEY (tenant_id, group_id) REFERENCES groups (tenant_id, id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX account_groups_by_group ON account_groups (tenant_id, group_id);
        CREATE TABLE enrollments (
            id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, account_id TEXT NOT NULL, digest BLOB NOT NULL UNIQUE,
            uses INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0 CHECK (used <= uses),
            created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, revoked_at INTEGER,
            UNIQUE (tenant_id, id),
            FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id) ON DELETE CASCADE
        ) STRICT;
        CREATE INDEX enrollments_by_account ON enrollments (tenant_id, account_id);
        CREATE TABLE nonces (
            digest BLOB PRIMARY KEY, tenant_id TEXT NOT NULL, enrollment_id TEXT NOT NULL,
            expires_at INTEGER NOT NULL,
            FOREIGN KEY (tenant_id, enrollment_id) REFERENCES enrollments (tenant_id, id) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX nonces_by_enrollment ON nonces (tenant_id, enrollment_id, expires_at);
        CREATE TABLE connectors (
            id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL REFERENCES tenants, account_id TEXT, account TEXT NOT NULL,
            role TEXT NOT NULL, enrollment_id TEXT, display_name TEXT,
            key_fingerprint BLOB NOT NULL, public_key BLOB NOT NULL, generation INTEGER NOT NULL,
            not_after INTEGER NOT NULL, created_at INTEGER NOT NULL, last_seen_at INTEGER, version TEXT,
            revoked_at INTEGER, revocation_reason TEXT,
            UNIQUE (tenant_id, id),
            FOREIGN KEY (account_id) REFERENCES accounts ON DELETE SET NULL,
            FOREIGN KEY (enrollment_id) REFERENCES enrollments ON DELETE SET NULL
        ) STRICT;
        CREATE INDEX connectors_by_tenant ON connectors (tenant_id, account_id);
        CREATE INDEX connectors_by_enrollment ON connectors (enrollment_id);
        CREATE TABLE certificates (
            fingerprint BLOB PRIMARY KEY, serial TEXT NOT NULL UNIQUE, tenant_id TEXT NOT NULL,
            connector_id TEXT NOT NULL, key_fingerprint BLOB NOT NULL UNIQUE, der BLOB NOT NULL,
            not_before INTEGER NOT NULL, not_after INTEGER NOT NULL, generation INTEGER NOT NULL,
            UNIQUE (connector_id, generation),
            FOREIGN KEY (tenant_id, connector_id) REFERENCES connectors (tenant_id, id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE denylist (
            tenant_id TEXT NOT NULL REFERENCES tenants, kind TEXT NOT NULL CHECK (kind IN ('serial', 'key')),
            value TEXT NOT NULL, connector_id TEXT, added_at INTEGER NOT NULL,
            PRIMARY KEY (kind, value)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE boots (
            tenant_id TEXT NOT NULL REFERENCES tenants, member_id TEXT NOT NULL, boot_id TEXT NOT NULL,
            number INTEGER NOT NULL,
            PRIMARY KEY (tenant_id, member_id, boot_id), UNIQUE (tenant_id, member_id, number)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE idempotency_keys (
            tenant_id TEXT NOT NULL, enrollment_id TEXT NOT NULL, digest BLOB NOT NULL, key_fingerprint BLOB NOT NULL,
            created_at INTEGER NOT NULL,
            PRIMARY KEY (tenant_id, enrollment_id, digest),
            FOREIGN KEY (tenant_id, enrollment_id) REFERENCES enrollments (tenant_id, id) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE api_keys (
            id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL REFERENCES tenants, name TEXT NOT NULL,
            digest BLOB NOT NULL UNIQUE, scopes TEXT NOT NULL, is_confined INTEGER NOT NULL, services TEXT,
            created_at INTEGER NOT NULL, expires_at INTEGER,
            UNIQUE (tenant_id, id)
        ) STRICT;
        CREATE TABLE api_key_groups (
            tenant_id TEXT NOT NULL, key_id TEXT NOT NULL, group_id TEXT NOT NULL,
            PRIMARY KEY (tenant_id, key_id, group_id),
            FOREIGN KEY (tenant_id, key_id) REFERENCES api_keys (tenant_id, id) ON DELETE CASCADE,
            FOREIGN KEY (tenant_id, group_id) REFERENCES groups (tenant_id, id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX api_key_groups_by_group ON api_key_groups (tenant_id, group_id);
        """

    private static let second = """
        CREATE TABLE webhooks (
            id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL REFERENCES tenants, name TEXT NOT NULL, url TEXT NOT NULL,
            salt BLOB NOT NULL, created_at INTEGER NOT NULL,
            UNIQUE (tenant_id, name), UNIQUE (tenant_id, id)
        ) STRICT;
        """

    /// `generation` of a connector is that of its newest certificate; the ones before it count until that is used.
    private static let third = """
        ALTER TABLE connectors ADD COLUMN frozen_at INTEGER;
        ALTER TABLE connectors ADD COLUMN freeze_reason TEXT;
        ALTER TABLE certificates ADD COLUMN first_used_at INTEGER;
        """
}
