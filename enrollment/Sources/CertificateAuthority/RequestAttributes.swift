internal import SwiftASN1

/// What a certificate request to this installation has to look like, as data: the CsrAttrs of RFC 7030 section 4.5.2.
public enum RequestAttributes {
    /// A key on P-256, signed by ECDSA with SHA-256; in DER.
    public static func der() throws(CertificateAuthorityError) -> [UInt8] {
        let ellipticCurveKey: ASN1ObjectIdentifier = [1, 2, 840, 10045, 2, 1]
        let p256: ASN1ObjectIdentifier = [1, 2, 840, 10045, 3, 1, 7]
        let ecdsaWithSHA256: ASN1ObjectIdentifier = [1, 2, 840, 10045, 4, 3, 2]
        do {
            var serializer = DER.Serializer()
            try serializer.appendConstructedNode(identifier: .sequence) { attributes in
                try attributes.appendConstructedNode(identifier: .sequence) { attribute in
                    try attribute.serialize(ellipticCurveKey)
                    try attribute.appendConstructedNode(identifier: .set) { try $0.serialize(p256) }
                }
                try attributes.serialize(ecdsaWithSHA256)
            }
            return serializer.serializedBytes
        } catch {
            throw CertificateAuthorityError(.signing, "the request attributes could not be encoded: \(error)")
        }
    }
}
