public import RelayFormat

/// Names the queue of one group.
public struct GroupPlace: Sendable, Hashable {
    /// The tenant.
    public var tenant: TenantID
    /// The group.
    public var group: GroupID

    /// Names the queue of a group.
    public init(tenant: TenantID, group: GroupID) {
        self.tenant = tenant
        self.group = group
    }
}

/// Names the inbox of one boot.
public struct InboxPlace: Sendable, Hashable {
    /// The tenant.
    public var tenant: TenantID
    /// The boot that alone reads it.
    public var boot: BootID

    /// Names the inbox of a boot.
    public init(tenant: TenantID, boot: BootID) {
        self.tenant = tenant
        self.boot = boot
    }
}

/// Where a record can be sent.
public enum Place: Sendable, Hashable {
    /// The queue of a group: any one member takes the record.
    case group(GroupPlace)
    /// The inbox of a boot: that process alone takes it, in the order in which each sender sent.
    case inbox(InboxPlace)
    /// The presence of a tenant: whoever watches sees it; nobody has to.
    case presence(TenantID)

    /// The tenant to which the place belongs.
    public var tenant: TenantID {
        switch self {
        case .group(let place): place.tenant
        case .inbox(let place): place.tenant
        case .presence(let tenant): tenant
        }
    }
}
