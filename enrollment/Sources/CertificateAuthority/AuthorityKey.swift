internal import Crypto
internal import Foundation
internal import SwiftASN1
internal import X509

/// The private key of an authority; it prints as `***`.
public struct AuthorityKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private enum Curve: Sendable {
        case p256(P256.Signing.PrivateKey)
        case p384(P384.Signing.PrivateKey)
    }
    private let curve: Curve

    private init(curve: Curve) { self.curve = curve }

    /// Makes a new key on P-256, for an authority that issues.
    public static func makeP256() -> Self { Self(curve: .p256(P256.Signing.PrivateKey())) }
    /// Makes a new key on P-384, for a root that lives long.
    public static func makeP384() -> Self { Self(curve: .p384(P384.Signing.PrivateKey())) }

    /// Reads a key on P-256 or P-384 from PEM.
    public init(pem: String) throws(CertificateAuthorityError) {
        if let key = try? P256.Signing.PrivateKey(pemRepresentation: pem) {
            curve = .p256(key)
        } else if let key = try? P384.Signing.PrivateKey(pemRepresentation: pem) {
            curve = .p384(key)
        } else {
            throw CertificateAuthorityError(.invalidKey, "this is no private key on P-256 or P-384 in PEM")
        }
    }

    /// The key as PEM (`PRIVATE KEY`, PKCS#8); a secret, for the one file that keeps it.
    public func pem() -> String {
        switch curve {
        case .p256(let key): key.pemRepresentation
        case .p384(let key): key.pemRepresentation
        }
    }

    /// Whether the certificate, in DER, is of this key.
    public func isKey(ofCertificate der: [UInt8]) -> Bool {
        (try? Certificate(derEncoded: der))?.publicKey == signing.publicKey
    }

    var signing: Certificate.PrivateKey {
        switch curve {
        case .p256(let key): Certificate.PrivateKey(key)
        case .p384(let key): Certificate.PrivateKey(key)
        }
    }

    /// Signs with ECDSA and the digest that belongs to the curve; the signature in DER.
    public func signature(over bytes: [UInt8]) throws -> [UInt8] {
        switch curve {
        case .p256(let key): Array(try key.signature(for: bytes).derRepresentation)
        case .p384(let key): Array(try key.signature(for: bytes).derRepresentation)
        }
    }

    /// How such a signature names its algorithm (RFC 5758).
    var algorithm: ASN1ObjectIdentifier {
        switch curve {
        case .p256: [1, 2, 840, 10045, 4, 3, 2]
        case .p384: [1, 2, 840, 10045, 4, 3, 3]
        }
    }

    public var description: String { "***" }
    public var debugDescription: String { "***" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
