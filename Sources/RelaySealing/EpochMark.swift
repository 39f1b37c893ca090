public import RelayFormat

/// What a member remembers of the newest epoch that it has seen of a group, on disk too, so that nothing rolls it back.
public struct EpochMark: Sendable, Hashable {
    /// The tenant.
    public let tenant: TenantID
    /// The group.
    public let group: GroupID
    /// The number.
    public let number: UInt32
    /// The hash of the core.
    public let hash: CoreHash

    /// Makes a mark of what was remembered.
    public init(tenant: TenantID, group: GroupID, number: UInt32, hash: CoreHash) {
        self.tenant = tenant
        self.group = group
        self.number = number
        self.hash = hash
    }
}

extension EpochCore {
    /// What is to be remembered of this epoch.
    public var mark: EpochMark { EpochMark(tenant: tenant, group: group, number: number, hash: hash) }

    /// Checks that the epoch is the one remembered, or a later one.
    ///
    /// The next epoch must name the remembered one as its predecessor; of one further on that cannot be told.
    ///
    /// - Throws: `rolledBack` for an earlier epoch, `chainBroken` for another one of the same number and for a next one
    ///   that follows something else, `foreignTenant` and `foreignGroup` for what is not comparable.
    public func check(after mark: EpochMark) throws(SealingError) {
        guard mark.tenant == tenant else { throw SealingError(.foreignTenant, "the epoch is another tenant's") }
        guard mark.group == group else { throw SealingError(.foreignGroup, "the epoch is another group's") }
        guard number >= mark.number else { throw SealingError(.rolledBack, "the epoch is older than one seen") }
        if number == mark.number {
            guard hash == mark.hash else { throw SealingError(.chainBroken, "two epochs have one number") }
        } else if number - mark.number == 1 {
            guard previous == mark.hash else { throw SealingError(.chainBroken, "the epoch follows another one") }
        }
    }
}
