public import RelayFormat

/// An operator who may administer a tenant, as its credential says.
public struct Administrator: Sendable, Equatable {
    /// The tenant, which comes from the credential and from nothing else.
    public var tenant: TenantID
    /// The tenant's name.
    public var tenantName: String
    /// The operator's name, for logs.
    public var name: String

    /// Describes an operator.
    public init(tenant: TenantID, tenantName: String, name: String) {
        self.tenant = tenant
        self.tenantName = tenantName
        self.name = name
    }
}

/// Knows the operators by their credentials.
public protocol AdministratorAuthentication: Sendable {
    /// Finds the operator of a credential; nil for one that is unknown, expired, revoked, or does not administer.
    func administrator(forKey key: String) async throws -> Administrator?
}
