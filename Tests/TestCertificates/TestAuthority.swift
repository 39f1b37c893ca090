internal import Crypto
internal import Foundation
public import NIOSSL
internal import SwiftASN1
internal import X509

/// A certificate authority that lives as long as a test.
public struct TestAuthority: Sendable {
    private let key = P256.Signing.PrivateKey()
    private let name: DistinguishedName
    private let certificate: Certificate

    /// Makes an authority with a key of its own.
    public init(_ commonName: String = "test authority") throws {
        name = try DistinguishedName { CommonName(commonName) }
        certificate = try Self.issue(
            to: name, key: key.publicKey, by: name, signer: key,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
            })
    }

    /// What trusts this authority and nobody else.
    public func trust() throws -> NIOSSLTrustRoots { .certificates([try Self.tls(certificate)]) }

    /// A server's TLS settings with a certificate for `localhost` and 127.0.0.1.
    public func serverTLS() throws -> TLSConfiguration {
        let (certificate, key) = try leaf(
            "localhost",
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames([
                    .dnsName("localhost"), .ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1])),
                ])
            })
        return .makeServerConfiguration(certificateChain: [.certificate(certificate)], privateKey: .privateKey(key))
    }

    /// A client's TLS settings that trust this authority, with a certificate of the given name if there is one.
    public func clientTLS(certifiedAs commonName: String? = nil) throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = try trust()
        if let commonName {
            let (certificate, key) = try leaf(
                commonName,
                extensions: Certificate.Extensions {
                    Critical(BasicConstraints.notCertificateAuthority)
                    try ExtendedKeyUsage([.clientAuth])
                })
            tls.certificateChain = [.certificate(certificate)]
            tls.privateKey = .privateKey(key)
        }
        return tls
    }

    private func leaf(
        _ commonName: String, extensions: Certificate.Extensions
    ) throws -> (NIOSSLCertificate, NIOSSLPrivateKey) {
        let leafKey = P256.Signing.PrivateKey()
        let subject = try DistinguishedName { CommonName(commonName) }
        let certificate = try Self.issue(
            to: subject, key: leafKey.publicKey, by: name, signer: key, extensions: extensions)
        return (
            try Self.tls(certificate), try NIOSSLPrivateKey(bytes: Array(leafKey.pemRepresentation.utf8), format: .pem)
        )
    }

    private static func issue(
        to subject: DistinguishedName, key: P256.Signing.PublicKey, by issuer: DistinguishedName,
        signer: P256.Signing.PrivateKey, extensions: Certificate.Extensions
    ) throws -> Certificate {
        try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: Certificate.PublicKey(key),
            notValidBefore: Date(timeIntervalSinceNow: -300), notValidAfter: Date(timeIntervalSinceNow: 86_400),
            issuer: issuer, subject: subject, signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
            issuerPrivateKey: Certificate.PrivateKey(signer))
    }

    private static func tls(_ certificate: Certificate) throws -> NIOSSLCertificate {
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return try NIOSSLCertificate(bytes: serializer.serializedBytes, format: .der)
    }
}
