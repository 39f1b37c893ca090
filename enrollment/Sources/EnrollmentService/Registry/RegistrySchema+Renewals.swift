extension RegistrySchema {
    /// What stands for the machine of a connector, and the names of assertions that were used.
    ///
    /// The indexes are for the housekeeping, which looks for what has ended.
    static let renewals = """
        ALTER TABLE connectors ADD COLUMN machine TEXT;
        ALTER TABLE connectors ADD COLUMN machine_changed_at INTEGER;
        CREATE TABLE assertions (
            digest BLOB PRIMARY KEY, tenant_id TEXT NOT NULL, connector_id TEXT NOT NULL, expires_at INTEGER NOT NULL,
            FOREIGN KEY (tenant_id, connector_id) REFERENCES connectors (tenant_id, id) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX assertions_by_connector ON assertions (tenant_id, connector_id, expires_at);
        CREATE INDEX assertions_by_end ON assertions (expires_at);
        CREATE INDEX nonces_by_end ON nonces (expires_at);
        CREATE INDEX certificates_by_end ON certificates (not_after);
        """
}
