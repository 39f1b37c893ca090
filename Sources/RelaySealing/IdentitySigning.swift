public import Crypto

/// A member's identity key, wherever its private half lies.
public protocol IdentitySigning: Sendable {
    /// The public half, which stands in the epochs of the member.
    var publicKey: P256.Signing.PublicKey { get }
    /// Signs with ECDSA over SHA-256 of the bytes; the answer is r and s, 32 bytes each.
    func signature(over bytes: [UInt8]) throws -> [UInt8]
}

extension P256.Signing.PrivateKey: IdentitySigning {
    /// Signs with ECDSA over SHA-256 of the bytes; the answer is r and s, 32 bytes each.
    public func signature(over bytes: [UInt8]) throws -> [UInt8] {
        Array(try signature(for: bytes).rawRepresentation)
    }
}

/// The ECDSA signatures of the relay: P-256 with SHA-256, r and s with 32 bytes each.
enum IdentitySignature {
    static let size = 64

    /// Whether the key made the signature.
    static func isValid(_ signature: some Collection<UInt8>, over bytes: [UInt8], by key: P256.Signing.PublicKey)
        -> Bool
    {
        guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: Array(signature)) else {
            return false
        }
        return key.isValidSignature(signature, for: bytes)
    }

    /// Signs, and holds the signer to the size.
    static func make(over bytes: [UInt8], by signer: some IdentitySigning) throws(SealingError) -> [UInt8] {
        let signature: [UInt8]
        do { signature = try signer.signature(over: bytes) } catch {
            throw SealingError(.signer, "the key did not sign")
        }
        guard signature.count == size else { throw SealingError(.signer, "a signature has another size than 64 bytes") }
        return signature
    }
}
