/// The three SHA-256 pins that tie a machine to one tenant of one installation.
public struct Pins: Sendable, Hashable, Codable {
    /// The key that signed the server's TLS certificate, whoever that is.
    public var tlsIssuer: KeyFingerprint
    /// The installation's root certificate.
    public var installationCA: CertificateFingerprint
    /// The key of the tenant's Key Authority.
    public var keyAuthority: KeyFingerprint

    /// Makes a set of pins.
    public init(
        tlsIssuer: KeyFingerprint, installationCA: CertificateFingerprint, keyAuthority: KeyFingerprint
    ) {
        self.tlsIssuer = tlsIssuer
        self.installationCA = installationCA
        self.keyAuthority = keyAuthority
    }

    enum CodingKeys: String, CodingKey {
        case tlsIssuer = "tls_issuer"
        case installationCA = "installation_ca"
        case keyAuthority = "key_authority"
    }
}
