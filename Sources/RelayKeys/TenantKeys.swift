public import RelayFormat

/// What all passes that a dispatcher says and hears in one tenant.
public struct TenantKeys: Sendable {
    /// What seals and opens.
    public var sealing: any MessageSealing
    /// What keeps the epochs fresh by which is sealed; nil where nothing has to be.
    public var epochs: EpochKeeper?
    /// The groups whose epochs have to be fresh.
    public var groups: @Sendable () -> [GroupID]

    /// Seals by a keyring that is kept fresh.
    public init(_ epochs: EpochKeeper, groups: @escaping @Sendable () -> [GroupID]) {
        self.groups = groups
        sealing = epochs.keyring
        self.epochs = epochs
    }

    /// Seals in another way.
    public init(sealing: any MessageSealing) {
        self.sealing = sealing
        groups = { [] }
    }
}
