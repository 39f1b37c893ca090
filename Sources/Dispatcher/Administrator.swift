public import RelayFormat

/// Who administers a tenant, as the credential of `posternctl login` says.
public struct Administrator: Sendable, Equatable {
    /// The tenant, which comes from the credential and from nothing else.
    public var tenant: TenantID
    /// The tenant's name.
    public var tenantName: String
    /// The administrator's id, for logs.
    public var id: String
    /// The administrator's name, for histories.
    public var name: String
    /// All groups of the tenant, by name.
    public var groups: [String: GroupID]
    /// Whether requests may be looked at.
    public var mayReadRequests: Bool
    /// Whether requests may be cancelled and sent again.
    public var mayChangeRequests: Bool
    /// Whether connectors may be drained, paused and resumed.
    public var mayDrainConnectors: Bool

    /// Describes an administrator.
    public init(
        tenant: TenantID, tenantName: String, id: String, name: String, groups: [String: GroupID],
        mayReadRequests: Bool, mayChangeRequests: Bool, mayDrainConnectors: Bool
    ) {
        self.tenant = tenant
        self.tenantName = tenantName
        self.id = id
        self.name = name
        self.groups = groups
        self.mayReadRequests = mayReadRequests
        self.mayChangeRequests = mayChangeRequests
        self.mayDrainConnectors = mayDrainConnectors
    }
}

/// Knows the administrators by their credentials.
public protocol AdministratorAuthentication: Sendable {
    /// Finds the administrator of a credential; nil for one that is unknown, expired, revoked, or does not administer.
    func administrator(forKey key: String) async throws -> Administrator?
}
