public import struct Foundation.Date
internal import MachineIdentity
internal import SwiftASN1
internal import X509

/// A root that a company has already, in the place of one of our own: it signs our intermediate.
///
/// Between root and machines there is room for one authority, the intermediate; so this is the root itself and nothing
/// below it.
public struct CompanyRoot: Sendable {
    /// The certificate in DER.
    public let der: [UInt8]
    private let certificate: Certificate

    /// Takes a root certificate in PEM; throws, with what is wrong, where it cannot sign an intermediate now.
    public init(pem: String, now: Date) throws(CertificateAuthorityError) {
        guard let der = try? CertificatePEM.decode(pem).last, let certificate = try? Certificate(derEncoded: der) else {
            throw CertificateAuthorityError(.notAuthority, "the company's certificate cannot be read; PEM is needed")
        }
        self.der = der
        self.certificate = certificate
        let pathLength = try Self.pathLength(of: certificate, "the company's certificate \(certificate.subject)")
        guard certificate.issuer == certificate.subject,
            certificate.publicKey.isValidSignature(certificate.signature, for: certificate)
        else {
            throw CertificateAuthorityError(
                .notAuthority,
                "the company's certificate \(certificate.subject) is no root: \(certificate.issuer) has issued it. There"
                    + " is room for one authority between the root and machines, and that is ours: take the root itself"
            )
        }
        guard pathLength.map({ $0 >= 1 }) ?? true else {
            throw CertificateAuthorityError(
                .notAuthority,
                "the company's root \(certificate.subject) has a path length of 0: it may sign no authority")
        }
        try Self.requireTime(certificate, "the company's root", now: now)
    }

    /// Makes our intermediate with the root's key.
    public func makeIntermediate(
        trustDomain: String, key: AuthorityKey, rootKeyPEM: String, now: Date, serial: SerialNumber
    ) throws(CertificateAuthorityError) -> IssuedCertificate {
        let rootKey: AuthorityKey
        do { rootKey = try AuthorityKey(pem: rootKeyPEM) } catch {
            throw CertificateAuthorityError(
                .invalidKey,
                "the company's key is no private key on P-256 or P-384 in PEM without a password. Any other one signs with"
                    + " the company's own tools: make a request with --ca-csr")
        }
        guard certificate.publicKey == rootKey.signing.publicKey else {
            throw CertificateAuthorityError(.mismatch, "the company's key is not that of its certificate")
        }
        return try IssuingAuthority.makeIntermediate(
            trustDomain: trustDomain, key: key, rootCertificate: der, rootKey: rootKey, now: now, serial: serial)
    }

    /// Checks an intermediate that the company's tools have signed, in DER.
    public func check(intermediate der: [UInt8], key: AuthorityKey, now: Date) throws(CertificateAuthorityError) {
        guard let intermediate = try? Certificate(derEncoded: der) else {
            throw CertificateAuthorityError(.notAuthority, "the signed intermediate cannot be read")
        }
        let what = "the signed intermediate \(intermediate.subject)"
        guard intermediate.publicKey == key.signing.publicKey else {
            throw CertificateAuthorityError(.mismatch, "\(what) is for another key than that of the request")
        }
        _ = try Self.pathLength(of: intermediate, what)
        guard intermediate.issuer == certificate.subject,
            certificate.publicKey.isValidSignature(intermediate.signature, for: intermediate)
        else {
            throw CertificateAuthorityError(
                .mismatch, "\(what) was signed by \(intermediate.issuer), not by the root \(certificate.subject)")
        }
        try Self.requireTime(intermediate, what, now: now)
    }

    /// How many authorities may stand below one; throws for what is none.
    private static func pathLength(
        of certificate: Certificate, _ what: String
    ) throws(CertificateAuthorityError) -> Int? {
        guard case .isCertificateAuthority(let length)? = try? certificate.extensions.basicConstraints,
            (try? certificate.extensions.keyUsage)?.keyCertSign == true
        else {
            throw CertificateAuthorityError(
                .notAuthority, "\(what) is no certificate authority: CA:TRUE and the key usage keyCertSign are needed")
        }
        return length
    }

    private static func requireTime(
        _ certificate: Certificate, _ what: String, now: Date
    ) throws(CertificateAuthorityError) {
        guard now < certificate.notValidAfter else {
            throw CertificateAuthorityError(.expired, "\(what) expired at \(certificate.notValidAfter)")
        }
        guard now >= certificate.notValidBefore else {
            throw CertificateAuthorityError(.expired, "\(what) is valid only from \(certificate.notValidBefore) on")
        }
    }
}
