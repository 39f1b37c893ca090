public import MachineIdentity

/// A machine's whole identity, as a process holds it in memory.
public struct LoadedIdentity: Sendable {
    /// What the machine knows about itself and its tenant.
    public var record: StoredIdentity
    /// The private key, or what signs with it.
    public var key: IdentityKey
    /// The certificate in DER, followed by what leads to the root.
    public var certificates: [[UInt8]]

    /// Makes an identity.
    public init(record: StoredIdentity, key: IdentityKey, certificates: [[UInt8]]) {
        self.record = record
        self.key = key
        self.certificates = certificates
    }
}
