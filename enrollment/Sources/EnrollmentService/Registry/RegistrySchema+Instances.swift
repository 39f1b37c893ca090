extension RegistrySchema {
    /// The dispatchers of the installation side by side, and which inbox slot of a Kafka each has to itself.
    ///
    /// Both belong to the installation: a dispatcher is all tenants'. Rows of removed instances stay: what begins their request ids is given to no other, and their names neither.
    static let instances = """
        CREATE TABLE dispatcher_instances (
            id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, address TEXT, boot TEXT, version TEXT,
            added_at INTEGER NOT NULL, seen_at INTEGER, retired_at INTEGER, removed_at INTEGER
        ) STRICT;
        CREATE TABLE inbox_leases (
            slot INTEGER PRIMARY KEY CHECK (slot >= 0),
            instance_id TEXT NOT NULL UNIQUE REFERENCES dispatcher_instances, boot TEXT NOT NULL,
            expires_at INTEGER NOT NULL
        ) STRICT;
        """
}
