extension RegistrySchema {
    /// What each administrator may do; those from before may do everything.
    static let administratorRoles = """
        ALTER TABLE administrators ADD COLUMN role TEXT NOT NULL DEFAULT 'administrator';
        """
}
