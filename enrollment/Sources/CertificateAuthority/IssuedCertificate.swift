public import struct Foundation.Date
public import MachineIdentity

/// A certificate that was just made, with what a registry keeps about it.
public struct IssuedCertificate: Sendable, Hashable {
    /// The certificate in DER.
    public let der: [UInt8]
    /// Its serial number.
    public let serial: SerialNumber
    /// When it begins to be valid.
    public let notBefore: Date
    /// When it ends.
    public let notAfter: Date

    /// Its fingerprint.
    public var fingerprint: CertificateFingerprint { CertificateFingerprint(certificate: der) }
    /// When it is to be renewed.
    public var renewalWindow: RenewalWindow { RenewalWindow(notBefore: notBefore, notAfter: notAfter) }
    /// It alone in PEM.
    public var pem: String { CertificatePEM.encode([der]) }
}
