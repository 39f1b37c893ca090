public import struct Foundation.Date
internal import MachineIdentity
internal import SwiftASN1
internal import X509

extension IssuingAuthority {
    /// Makes the root of an installation: self-signed, one authority below it.
    public static func makeRoot(
        trustDomain: String, key: AuthorityKey, profile: CertificateProfile = .root, now: Date, serial: SerialNumber
    ) throws(CertificateAuthorityError) -> IssuedCertificate {
        try CertificateTemplate(
            profile: profile, subject: subject("Postern root", trustDomain: trustDomain, key: key), names: [],
            publicKey: key.signing.publicKey, lifetime: nil
        ).sign(issuer: nil, key: key, now: now, serial: serial)
    }

    /// Makes an intermediate, signed by the root: no authority below it.
    public static func makeIntermediate(
        trustDomain: String, key: AuthorityKey, rootCertificate: [UInt8], rootKey: AuthorityKey,
        profile: CertificateProfile = .intermediate, now: Date, serial: SerialNumber
    ) throws(CertificateAuthorityError) -> IssuedCertificate {
        guard let root = try? Certificate(derEncoded: rootCertificate), root.publicKey == rootKey.signing.publicKey
        else {
            throw CertificateAuthorityError(.mismatch, "the key is not that of the root")
        }
        return try CertificateTemplate(
            profile: profile, subject: subject("Postern issuing CA", trustDomain: trustDomain, key: key), names: [],
            publicKey: key.signing.publicKey, lifetime: nil
        ).sign(issuer: root, key: rootKey, now: now, serial: serial)
    }

    /// A name that two authorities never share: it ends with the beginning of the key's identifier.
    static func subject(
        _ title: String, trustDomain: String, key: AuthorityKey
    ) throws(CertificateAuthorityError) -> DistinguishedName {
        guard MachineName.isTrustDomain(trustDomain) else {
            throw CertificateAuthorityError(.mismatch, "\"\(trustDomain)\" is no trust domain")
        }
        let identifier = SubjectKeyIdentifier(hash: key.signing.publicKey).keyIdentifier.prefix(4)
        let suffix = identifier.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return try CertificateTemplate.name("\(title) \(suffix)", organization: String(trustDomain.prefix(64)))
    }
}
