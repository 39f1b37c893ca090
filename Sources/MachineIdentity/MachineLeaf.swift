public import struct Foundation.Date
public import Crypto

/// What a machine certificate says, once the policy has accepted it.
public struct MachineLeaf: Sendable, Hashable {
    /// Whose certificate it is.
    public let name: MachineName
    /// The serial number as lower-case hexadecimal digits.
    public let serial: String
    /// When it begins to be valid.
    public let notBefore: Date
    /// When it ends.
    public let notAfter: Date
    /// The fingerprint of the certificate.
    public let fingerprint: CertificateFingerprint
    /// The fingerprint of its key.
    public let keyFingerprint: KeyFingerprint
    /// The public key in its 65-byte form (X9.63).
    public let publicKey: [UInt8]

    /// The public key, ready to verify signatures.
    public func verificationKey() -> P256.Signing.PublicKey? {
        try? P256.Signing.PublicKey(x963Representation: publicKey)
    }
}
