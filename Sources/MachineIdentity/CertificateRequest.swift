public import Crypto
internal import SwiftASN1
internal import X509

/// A PKCS#10 certificate request (RFC 2986) whose signature has been verified.
///
/// Only the public key and the challenge are taken from it: a subject, a SAN or CA=true that it asks for are not even
/// read, since the issuing side makes these itself.
public struct CertificateRequest: Sendable {
    /// The key to certify.
    public let publicKey: P256.Signing.PublicKey
    /// The challengePassword (RFC 2985 section 5.4.1), which repeats the nonce of the enrollment.
    public let challenge: String?
    /// The request as it was received, in DER.
    public let der: [UInt8]

    init(publicKey: P256.Signing.PublicKey, challenge: String?, der: [UInt8]) {
        self.publicKey = publicKey
        self.challenge = challenge
        self.der = der
    }

    /// Makes a request for the key, signed by it; without a challenge for a renewal.
    public static func make(
        key: MachineKey, challenge: String? = nil
    ) throws(MachineIdentityError) -> CertificateRequest {
        do {
            let request = try CertificateSigningRequest(
                version: .v1, subject: subject, privateKey: Certificate.PrivateKey(key.signing),
                attributes: attributes(challenge: challenge))
            var serializer = DER.Serializer()
            try serializer.serialize(request)
            return CertificateRequest(
                publicKey: key.publicKey, challenge: challenge, der: serializer.serializedBytes)
        } catch {
            throw MachineIdentityError(.invalidCSR, "the request could not be made: \(error)")
        }
    }

    static var subject: DistinguishedName {
        get throws { try DistinguishedName { CommonName("postern") } }
    }

    static func attributes(challenge: String?) throws -> CertificateSigningRequest.Attributes {
        let attributes = try challenge.map {
            [
                CertificateSigningRequest.Attribute(
                    oid: challengePassword, values: [try ASN1Any(erasing: ASN1UTF8String($0))])
            ]
        }
        return .init(attributes ?? [])
    }

    /// The request in PEM (`CERTIFICATE REQUEST`).
    public var pem: String { PEMDocument(type: "CERTIFICATE REQUEST", derBytes: der).pemString }

    /// The fingerprint of the key to certify.
    public var keyFingerprint: KeyFingerprint { KeyFingerprint(publicKey) }

    /// Checks that the request was made for this nonce, and so just now by the holder of the key.
    public func requireChallenge(_ nonce: String) throws(MachineIdentityError) {
        guard let challenge else {
            throw MachineIdentityError(
                .popFailed, "the request has no challengePassword; it must repeat the nonce that was fetched before")
        }
        guard Secret(challenge) == Secret(nonce) else {
            throw MachineIdentityError(.popFailed, "the challengePassword is not the nonce that was fetched before")
        }
    }

    static var challengePassword: ASN1ObjectIdentifier { [1, 2, 840, 113_549, 1, 9, 7] }
}
