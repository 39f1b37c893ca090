public import Crypto

/// The private P-256 key of a machine; it prints as `***`.
public struct MachineKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The key itself, for signing.
    public let signing: P256.Signing.PrivateKey

    /// Makes a new key from the system's randomness.
    public init() { signing = P256.Signing.PrivateKey() }

    /// Takes a key over.
    public init(_ signing: P256.Signing.PrivateKey) { self.signing = signing }

    /// Reads a key from PEM (`PRIVATE KEY`, PKCS#8, or `EC PRIVATE KEY`).
    public init(pem: String) throws(MachineIdentityError) {
        guard let key = try? P256.Signing.PrivateKey(pemRepresentation: pem) else {
            throw MachineIdentityError(.invalidKey, "this is no P-256 private key in PEM")
        }
        signing = key
    }

    /// The key as PEM (`PRIVATE KEY`, PKCS#8).
    public func pem() -> Secret { Secret(signing.pemRepresentation) }

    /// The public half.
    public var publicKey: P256.Signing.PublicKey { signing.publicKey }

    /// The fingerprint of the public half.
    public var fingerprint: KeyFingerprint { KeyFingerprint(signing.publicKey) }

    public var description: String { "***" }
    public var debugDescription: String { "***" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Fingerprint where Subject == KeySubject {
    /// The fingerprint of a P-256 key.
    public init(_ key: P256.Signing.PublicKey) { self.init(subjectPublicKeyInfo: key.derRepresentation) }
}
