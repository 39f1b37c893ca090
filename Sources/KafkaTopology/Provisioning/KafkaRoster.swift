public import RelayFormat

/// Who takes part in the relay, as the registry has it.
public struct KafkaRoster: Sendable, Hashable {
    /// A tenant.
    public struct Tenant: Sendable, Hashable {
        /// Its id.
        public var id: TenantID
        /// Its groups.
        public var groups: Set<GroupID>
        /// Its connectors that may work, with their groups.
        public var connectors: [MemberID: Set<GroupID>]
        /// Its dispatchers.
        public var dispatchers: Set<MemberID>

        /// Describes a tenant.
        public init(
            id: TenantID, groups: Set<GroupID> = [], connectors: [MemberID: Set<GroupID>] = [:],
            dispatchers: Set<MemberID> = []
        ) {
            self.id = id
            self.groups = groups
            self.connectors = connectors
            self.dispatchers = dispatchers
        }
    }

    /// The tenants.
    public var tenants: [Tenant]
    /// Members that are shut out: revoked or frozen.
    public var shutOut: Set<MemberID>

    /// Describes who takes part.
    public init(tenants: [Tenant] = [], shutOut: Set<MemberID> = []) {
        self.tenants = tenants
        self.shutOut = shutOut
    }
}
