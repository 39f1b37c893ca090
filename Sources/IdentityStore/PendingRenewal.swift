public import MachineIdentity

/// A renewal that has begun and is not over.
public struct PendingRenewal: Sendable {
    /// The new key.
    public var key: IdentityKey
    /// The identity with the new certificate; nil while the tenant's answer is not kept.
    public var renewed: LoadedIdentity?
    /// Whether the new certificate counts already, and only the old files are still in its place.
    public var isConfirmed: Bool

    init(key: IdentityKey, renewed: LoadedIdentity? = nil, isConfirmed: Bool = false) {
        self.key = key
        self.renewed = renewed
        self.isConfirmed = isConfirmed
    }
}
