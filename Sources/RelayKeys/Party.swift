public import RelayFormat
public import RelaySealing

/// One process that speaks: a member of a tenant, and its boot.
public struct Party: Sendable, Equatable {
    /// The tenant to which it belongs.
    public var tenant: TenantID
    /// The member.
    public var member: MemberID
    /// Its process; drawn at random for each, since message ids are counted from it.
    public var boot: BootID
    /// What the member is.
    public var role: MemberRole

    /// Describes a party.
    public init(tenant: TenantID, member: MemberID, boot: BootID, role: MemberRole) {
        self.tenant = tenant
        self.member = member
        self.boot = boot
        self.role = role
    }
}
