public import RelaySealing

/// The keys by which a member is known in an epoch: one to sign, one to be sealed to.
public struct MemberKeys: Sendable {
    /// Signs what the member says to a group.
    public var identity: any IdentitySigning
    /// Opens the epoch's secret, and the sessions that others begin.
    public var hpke: HPKEPrivateKey

    /// Pairs two keys.
    public init(identity: any IdentitySigning, hpke: HPKEPrivateKey) {
        self.identity = identity
        self.hpke = hpke
    }
}
