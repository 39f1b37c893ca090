public import EnrollmentProtocol

/// Who administers a tenant, and what they may do outside of this service.
public struct TenantAdministrator: Sendable, Equatable {
    /// The tenant that the credential belongs to.
    public let tenant: TenantReference
    /// The id of the administrator or of the API key, for logs; never the credential itself.
    public let id: String
    /// The name of the administrator or of the API key.
    public let name: String
    /// All groups of the tenant.
    public let groups: [GroupReference]
    /// Whether they may look at requests and why they are as they are.
    public let mayReadRequests: Bool
    /// Whether they may cancel requests and send them again.
    public let mayChangeRequests: Bool
    /// Whether they may drain, pause and resume connectors.
    public let mayDrainConnectors: Bool
}
