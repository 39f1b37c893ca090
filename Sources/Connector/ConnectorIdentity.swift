public import RelayFormat
public import RelayKeys
internal import RelaySealing

/// Who a connector is for the relay, as the enrollment service said with its queue credential.
public struct ConnectorIdentity: Sendable, Equatable {
    /// The tenant's id.
    public var tenant: TenantID
    /// The tenant's name.
    public var tenantName: String
    /// The connector's id.
    public var member: MemberID
    /// The connector's name.
    public var name: String
    /// This process.
    public var boot: BootID
    /// Which start of the connector this is.
    public var bootNumber: UInt64
    /// The groups that it serves, by id.
    public var groups: [GroupID: String]

    /// Describes a connector.
    public init(
        tenant: TenantID, tenantName: String, member: MemberID, name: String, boot: BootID, bootNumber: UInt64,
        groups: [GroupID: String]
    ) {
        self.tenant = tenant
        self.tenantName = tenantName
        self.member = member
        self.name = name
        self.boot = boot
        self.bootNumber = bootNumber
        self.groups = groups
    }

    /// This process as the relay names it.
    public var party: Party { Party(tenant: tenant, member: member, boot: boot, role: .connector) }
}
