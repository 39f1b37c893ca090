internal import MachineIdentity
internal import SwiftASN1
internal import X509

extension IssuingAuthority {
    /// Asks somebody else's root for our intermediate: a certificate request (PKCS#10) in PEM, signed by its key.
    public static func requestIntermediate(
        trustDomain: String, key: AuthorityKey
    ) throws(CertificateAuthorityError) -> String {
        let subject = try subject("Postern issuing CA", trustDomain: trustDomain, key: key)
        do {
            let wishes = try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
            }
            let request = try CertificateSigningRequest(
                version: .v1, subject: subject, privateKey: key.signing,
                attributes: .init([try .init(ExtensionRequest(extensions: wishes))]))
            return try request.serializeAsPEM().pemString + "\n"
        } catch {
            throw CertificateAuthorityError(.signing, "the request could not be made: \(error)")
        }
    }
}
