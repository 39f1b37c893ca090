public import RelayFormat

/// An application that may call services, as its API key says.
public struct Caller: Sendable, Equatable {
    /// The tenant, which comes from the key and from nothing else.
    public var tenant: TenantID
    /// The tenant's name.
    public var tenantName: String
    /// The key's id, for logs.
    public var keyID: String
    /// The groups that the key opens, by name.
    public var groups: [String: GroupID]
    /// The services that the key opens; nil for all.
    public var services: Set<String>?

    /// Describes a caller.
    public init(
        tenant: TenantID, tenantName: String, keyID: String, groups: [String: GroupID], services: Set<String>?
    ) {
        self.tenant = tenant
        self.tenantName = tenantName
        self.keyID = keyID
        self.groups = groups
        self.services = services
    }
}

/// Knows the callers by their API keys.
public protocol CallerAuthentication: Sendable {
    /// Finds the caller of a key; nil for a key that is unknown, expired or revoked.
    func caller(forKey key: String) async throws -> Caller?
}
