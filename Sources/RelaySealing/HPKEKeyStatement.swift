public import Crypto
public import RelayFormat

/// A member's word that an HPKE key is its own, with which it hands the key in.
public struct HPKEKeyStatement: Sendable, Equatable {
    /// The key.
    public let key: HPKEPublicKey
    /// The signature of the member's identity key, 64 bytes.
    public let signature: [UInt8]

    private static let label = Array("postern hpke key v1\0".utf8)

    /// Signs a key.
    ///
    /// - Throws: `signer` when the identity key does not sign.
    public static func make(
        _ key: HPKEPublicKey, tenant: TenantID, member: MemberID, signer: some IdentitySigning
    ) throws(SealingError) -> HPKEKeyStatement {
        let signature = try IdentitySignature.make(over: signedBytes(key, tenant, member), by: signer)
        return try HPKEKeyStatement(key: key, signature: signature)
    }

    /// Joins a key and the signature over `signedBytes`, where the identity key signs elsewhere.
    ///
    /// - Throws: `signer` for a signature of another size than 64 bytes.
    public init(key: HPKEPublicKey, signature: [UInt8]) throws(SealingError) {
        guard signature.count == IdentitySignature.size else {
            throw SealingError(.signer, "a signature has another size than 64 bytes")
        }
        self.key = key
        self.signature = signature
    }

    /// Reads a statement; nothing is checked here but the layout.
    ///
    /// - Throws: `malformed` for an unknown suite or another length.
    public init(decoding bytes: [UInt8]) throws(SealingError) {
        guard let suite = bytes.first.flatMap(SealingSuite.init), bytes.count > IdentitySignature.size else {
            throw SealingError(.malformed, "an HPKE key statement is of an unknown suite, or too short")
        }
        key = try HPKEPublicKey(suite: suite, rawRepresentation: bytes.dropFirst().dropLast(IdentitySignature.size))
        signature = Array(bytes.suffix(IdentitySignature.size))
    }

    /// The bytes: suite, key, signature.
    public var encoded: [UInt8] { [key.suite.rawValue] + key.rawRepresentation + signature }

    /// Checks that the member signed, and that something can be sealed to the key.
    ///
    /// - Throws: `signature` when it did not, `malformed` when the key is none.
    public func verify(
        tenant: TenantID, member: MemberID, identityKey: P256.Signing.PublicKey
    ) throws(SealingError) {
        guard IdentitySignature.isValid(signature, over: Self.signedBytes(key, tenant, member), by: identityKey) else {
            throw SealingError(.signature, "the HPKE key is not signed by the member")
        }
        try key.checkUsable()
    }

    /// What the member's identity key signs.
    public static func signedBytes(_ key: HPKEPublicKey, _ tenant: TenantID, _ member: MemberID) -> [UInt8] {
        label + tenant.bytes + member.bytes + [key.suite.rawValue] + key.rawRepresentation
    }
}
