extension RegistrySchema {
    /// Registrations that wait for an administrator, and until when what is denied is remembered.
    ///
    /// A key is remembered 30 days longer than its certificate: by it a connector could recover.
    static let approval = """
        ALTER TABLE enrollments ADD COLUMN approve_within INTEGER;
        CREATE TABLE pending_connectors (
            id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, enrollment_id TEXT NOT NULL, display_name TEXT,
            address TEXT NOT NULL, key_fingerprint BLOB NOT NULL,
            state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'rejected')), reason TEXT,
            created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
            UNIQUE (tenant_id, id), UNIQUE (enrollment_id, key_fingerprint),
            FOREIGN KEY (tenant_id, enrollment_id) REFERENCES enrollments (tenant_id, id) ON DELETE CASCADE
        ) STRICT;
        CREATE INDEX pending_connectors_by_tenant ON pending_connectors (tenant_id, state, expires_at);
        ALTER TABLE denylist ADD COLUMN expires_at INTEGER;
        UPDATE denylist SET expires_at = (SELECT not_after FROM certificates WHERE serial = denylist.value)
            WHERE kind = 'serial';
        UPDATE denylist SET expires_at = (
            SELECT not_after + 2592000000 FROM certificates WHERE lower(hex(key_fingerprint)) = denylist.value
        ) WHERE kind = 'key';
        CREATE INDEX denylist_by_end ON denylist (expires_at);
        """
}
