extension RegistrySchema {
    /// HPKE keys of members, the epochs of groups, and how the Key Authority's key came after the ones before.
    ///
    /// Whatever changes who is a member counts `membership_changes` up in the same transaction, whoever does it and in
    /// whichever process: the Key Authority looks at nothing else to see whether it has to look at all. It has row ids, without which
    /// SQLite tells nobody of a change.
    static let sealing = """
        CREATE TABLE dispatcher_members (
            tenant_id TEXT NOT NULL REFERENCES tenants, member_id TEXT NOT NULL, identity_key BLOB NOT NULL,
            PRIMARY KEY (tenant_id, member_id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE hpke_keys (
            tenant_id TEXT NOT NULL REFERENCES tenants, member_id TEXT NOT NULL, suite INTEGER NOT NULL,
            public_key BLOB NOT NULL, identity_key BLOB NOT NULL, key_fingerprint BLOB NOT NULL,
            signature BLOB NOT NULL, made_at INTEGER NOT NULL,
            PRIMARY KEY (tenant_id, member_id, suite)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE epochs (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id TEXT NOT NULL, group_id TEXT NOT NULL,
            epoch INTEGER NOT NULL, core_hash BLOB NOT NULL, manifest BLOB NOT NULL, made_at INTEGER NOT NULL,
            UNIQUE (tenant_id, group_id, epoch),
            FOREIGN KEY (tenant_id, group_id) REFERENCES groups (tenant_id, id) ON DELETE CASCADE
        ) STRICT;
        CREATE TABLE key_successions (
            tenant_id TEXT NOT NULL REFERENCES tenants, number INTEGER NOT NULL, statement BLOB NOT NULL,
            authority BLOB NOT NULL, made_at INTEGER NOT NULL,
            PRIMARY KEY (tenant_id, number)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE membership_changes (
            tenant_id TEXT PRIMARY KEY REFERENCES tenants, number INTEGER NOT NULL
        ) STRICT;

        \(counting("hpke_keys_added", "INSERT ON hpke_keys", of: "NEW"))
        \(counting("hpke_keys_changed", "UPDATE ON hpke_keys", of: "NEW"))
        \(counting("hpke_keys_removed", "DELETE ON hpke_keys", of: "OLD"))
        \(counting("dispatchers_added", "INSERT ON dispatcher_members", of: "NEW"))
        \(counting("dispatchers_changed", "UPDATE ON dispatcher_members", of: "NEW"))
        \(counting("dispatchers_removed", "DELETE ON dispatcher_members", of: "OLD"))
        \(counting("groups_added", "INSERT ON groups", of: "NEW"))
        \(counting("account_groups_added", "INSERT ON account_groups", of: "NEW"))
        \(counting("account_groups_removed", "DELETE ON account_groups", of: "OLD"))
        \(counting("connectors_removed", "DELETE ON connectors", of: "OLD"))
        \(counting(
            "connectors_changed", "UPDATE OF revoked_at, frozen_at, account_id, role ON connectors", of: "NEW",
            when: """
                OLD.revoked_at IS NOT NEW.revoked_at OR OLD.frozen_at IS NOT NEW.frozen_at
                    OR OLD.account_id IS NOT NEW.account_id OR OLD.role IS NOT NEW.role
                """))
        \(counting(
            "certificates_used", "UPDATE OF first_used_at ON certificates", of: "NEW", when: "NEW.generation > 1"))
        \(counting("authorities_succeeded", "UPDATE OF key_authority ON tenants", of: "NEW", column: "id"))
        """

    private static func counting(
        _ name: String, _ event: String, of row: String, column: String = "tenant_id", when condition: String? = nil
    ) -> String {
        """
        CREATE TRIGGER \(name) AFTER \(event) \(condition.map { "WHEN \($0) " } ?? "")BEGIN
            INSERT INTO membership_changes (tenant_id, number) VALUES (\(row).\(column), 1)
                ON CONFLICT (tenant_id) DO UPDATE SET number = number + 1;
        END;
        """
    }
}
