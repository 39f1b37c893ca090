internal import Crypto
private import struct Foundation.Data

/// The public half of a member's HPKE key, to which the secrets of epochs and sessions are sealed.
public struct HPKEPublicKey: Sendable, Hashable {
    /// Its kind.
    public let suite: SealingSuite
    /// Its bytes: 32 of X25519, 1216 of X-Wing.
    public let rawRepresentation: [UInt8]

    /// Reads a key.
    ///
    /// - Throws: `malformed` when the bytes are not as many as the suite's keys have.
    public init(suite: SealingSuite, rawRepresentation: some Collection<UInt8>) throws(SealingError) {
        guard rawRepresentation.count == suite.publicKeySize else {
            throw SealingError(.malformed, "an HPKE key has another size than its suite asks for")
        }
        self.suite = suite
        self.rawRepresentation = Array(rawRepresentation)
    }

    init(trusted key: Curve25519.KeyAgreement.PublicKey) {
        suite = .x25519
        rawRepresentation = Array(key.rawRepresentation)
    }

    init(trusted key: XWingMLKEM768X25519.PublicKey) {
        suite = .xWing
        rawRepresentation = Array(key.rawRepresentation)
    }

    /// Checks that something can be sealed to the key.
    ///
    /// A key of the right length may still be none (a point of small order, coefficients beyond the modulus). Whoever
    /// takes keys from others checks here, so that one member's key cannot keep a whole group from its next epoch.
    ///
    /// - Throws: `malformed` when nothing can be sealed to it.
    public func checkUsable() throws(SealingError) { _ = try sender(info: []) }

    func sender(info: [UInt8]) throws(SealingError) -> HPKE.Sender {
        guard suite != .x25519 || X25519Point.isUsable(rawRepresentation) else {
            throw SealingError(.malformed, "an HPKE key is of small order: what is sealed to it is open to all")
        }
        do {
            switch suite {
            case .x25519:
                let key = try Curve25519.KeyAgreement.PublicKey(rawRepresentation: rawRepresentation)
                return try HPKE.Sender(recipientKey: key, ciphersuite: suite.ciphersuite, info: Data(info))
            case .xWing:
                let key = try XWingMLKEM768X25519.PublicKey(rawRepresentation: rawRepresentation)
                return try HPKE.Sender(recipientKey: key, ciphersuite: suite.ciphersuite, info: Data(info))
            }
        } catch {
            throw SealingError(.malformed, "nothing can be sealed to this HPKE key")
        }
    }
}

extension SealingSuite {
    /// The suite as RFC 9180 names its parts.
    var ciphersuite: HPKE.Ciphersuite { ciphersuite(.AES_GCM_256) }

    /// The same with another cipher, for published vectors that have no other.
    func ciphersuite(_ cipher: HPKE.AEAD) -> HPKE.Ciphersuite {
        switch self {
        case .x25519: HPKE.Ciphersuite(kem: .Curve25519_HKDF_SHA256, kdf: .HKDF_SHA256, aead: cipher)
        case .xWing: HPKE.Ciphersuite(kem: .XWingMLKEM768X25519, kdf: .HKDF_SHA256, aead: cipher)
        }
    }
}
