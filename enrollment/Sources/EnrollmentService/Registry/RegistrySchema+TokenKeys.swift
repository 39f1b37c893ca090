extension RegistrySchema {
    /// The keys that sign queue credentials: their public halves; the private ones are files in the state folder.
    static let tokenKeys = """
        CREATE TABLE token_keys (
            id TEXT PRIMARY KEY, public_key BLOB NOT NULL, file TEXT NOT NULL, published_at INTEGER NOT NULL,
            signs_from INTEGER NOT NULL, ends_at INTEGER
        ) STRICT;
        """
}
