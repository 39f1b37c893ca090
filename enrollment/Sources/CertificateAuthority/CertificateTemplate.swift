internal import Foundation
internal import MachineIdentity
internal import SwiftASN1
internal import X509

/// A certificate before its signature: a profile filled in.
struct CertificateTemplate {
    let profile: CertificateProfile
    let subject: DistinguishedName
    let names: [GeneralName]
    let publicKey: Certificate.PublicKey
    let lifetime: Int?

    static func name(
        _ commonName: String, organization: String? = nil
    ) throws(CertificateAuthorityError) -> DistinguishedName {
        do {
            return try DistinguishedName {
                if let organization { OrganizationName(organization) }
                CommonName(commonName)
            }
        } catch {
            throw CertificateAuthorityError(.signing, "the subject could not be encoded: \(error)")
        }
    }

    /// Signs; without an issuer the certificate is its own.
    func sign(
        issuer: Certificate?, key: AuthorityKey, now: Date, serial: SerialNumber
    ) throws(CertificateAuthorityError) -> IssuedCertificate {
        let seconds = min(lifetime ?? profile.lifetime, profile.longestLifetime)
        guard seconds > 0 else { throw CertificateAuthorityError(.invalidProfile, "a certificate must live") }
        let now = Date(timeIntervalSince1970: now.timeIntervalSince1970.rounded(.down))
        // A tenth of a short life at most: what lies in the past is no time to live, and the renewal counts from here.
        let notBefore = now.addingTimeInterval(-TimeInterval(min(profile.backdate, seconds / 10)))
        let asked = now.addingTimeInterval(TimeInterval(seconds))
        let notAfter = issuer.map { min(asked, $0.notValidAfter) } ?? asked
        do {
            let certificate = try Certificate(
                version: .v3, serialNumber: Certificate.SerialNumber(bytes: serial.bytes), publicKey: publicKey,
                notValidBefore: notBefore, notValidAfter: notAfter, issuer: issuer?.subject ?? subject,
                subject: subject, extensions: try extensions(issuer: issuer), issuerPrivateKey: key.signing)
            var serializer = DER.Serializer()
            try serializer.serialize(certificate)
            return IssuedCertificate(
                der: serializer.serializedBytes, serial: serial, notBefore: notBefore, notAfter: notAfter)
        } catch {
            throw CertificateAuthorityError(.signing, "the certificate could not be made: \(error)")
        }
    }

    private func extensions(issuer: Certificate?) throws -> Certificate.Extensions {
        let usage = KeyUsage(
            digitalSignature: profile.keyUsage.contains(.digitalSignature),
            keyCertSign: profile.keyUsage.contains(.keyCertSign), cRLSign: profile.keyUsage.contains(.cRLSign))
        let constraints: BasicConstraints =
            profile.pathLength.map { .isCertificateAuthority(maxPathLength: $0) } ?? .notCertificateAuthority
        var extensions = try Certificate.Extensions {
            Critical(constraints)
            Critical(usage)
            SubjectKeyIdentifier(hash: publicKey)
        }
        if let issuer {
            let identifier = try issuer.extensions.subjectKeyIdentifier ?? SubjectKeyIdentifier(hash: issuer.publicKey)
            try extensions.append(
                Certificate.Extension(
                    AuthorityKeyIdentifier(keyIdentifier: identifier.keyIdentifier), critical: false))
        }
        if !profile.extendedKeyUsage.isEmpty {
            let purposes = profile.extendedKeyUsage.map { purpose -> ExtendedKeyUsage.Usage in
                switch purpose {
                case .clientAuth: .clientAuth
                case .serverAuth: .serverAuth
                }
            }
            try extensions.append(Certificate.Extension(try ExtendedKeyUsage(purposes), critical: false))
        }
        if !names.isEmpty {
            try extensions.append(Certificate.Extension(SubjectAlternativeNames(names), critical: false))
        }
        return extensions
    }
}
