public import RelayFormat

/// As whom a client is known after its authentication.
public struct LinkPrincipal: Sendable, Equatable {
    /// The tenant to which all that it may touch belongs.
    public var tenant: TenantID
    /// Whose credential it is.
    public var member: MemberID
    /// The process that holds the link.
    public var boot: BootID
    /// What it takes part as.
    public var role: LinkRole
    /// The groups whose queues a connector may read; without meaning for a dispatcher.
    public var groups: Set<GroupID>
    /// When the credential ends.
    public var expiresAt: RelayTime

    /// Makes a principal.
    public init(
        tenant: TenantID, member: MemberID, boot: BootID, role: LinkRole, groups: Set<GroupID> = [],
        expiresAt: RelayTime
    ) {
        self.tenant = tenant
        self.member = member
        self.boot = boot
        self.role = role
        self.groups = groups
        self.expiresAt = expiresAt
    }
}
