internal import SwiftASN1

/// Certificates as a message without content or signatures: the certs-only SignedData of RFC 5652 section 5.
///
/// It is what EST and other enrollment protocols answer with (`application/pkcs7-mime`).
public struct CertificateBundle: Sendable {
    private static let signedData: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 7, 2]
    private static let data: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 7, 1]
    private static let implicitCertificates = ASN1Identifier(tagWithNumber: 0, tagClass: .contextSpecific)

    /// The message in DER.
    public let der: [UInt8]

    /// Wraps certificates, given in DER.
    public init(_ certificates: [[UInt8]]) throws(CertificateAuthorityError) {
        do {
            for certificate in certificates { _ = try DER.parse(certificate) }
            var serializer = DER.Serializer()
            // A SET OF stands in the order of its encodings.
            try Self.write(certificates.sorted { $0.lexicographicallyPrecedes($1) }, to: &serializer)
            der = serializer.serializedBytes
        } catch {
            throw CertificateAuthorityError(.signing, "the certificates could not be wrapped: \(error)")
        }
    }

    private static func write(_ certificates: [[UInt8]], to serializer: inout DER.Serializer) throws {
        try serializer.appendConstructedNode(identifier: .sequence) { info in
            try info.serialize(signedData)
            try info.serialize(explicitlyTaggedWithTagNumber: 0, tagClass: .contextSpecific) { content in
                try content.appendConstructedNode(identifier: .sequence) { signed in
                    // Version 1: all certificates are X.509, and nothing is signed.
                    try signed.serialize(1)
                    signed.appendConstructedNode(identifier: .set) { _ in }
                    try signed.appendConstructedNode(identifier: .sequence) { try $0.serialize(data) }
                    signed.appendConstructedNode(identifier: implicitCertificates) { set in
                        for certificate in certificates { set.serializeRawBytes(certificate) }
                    }
                    signed.appendConstructedNode(identifier: .set) { _ in }
                }
            }
        }
    }
}
