internal import Crypto

/// What a member signs to prove at the link that the queue credential is its own.
public enum LinkProof {
    /// Separates this signature from every other that the identity key makes.
    public static let label = "postern link proof v1"

    /// The bytes to sign with the identity key: ECDSA on P-256 with SHA-256; the proof is r and s, 64 bytes.
    ///
    /// They are the label, a zero byte, the SHA-256 of the token's text, and the nonce that the link gave out.
    public static func bytes(nonce: some Sequence<UInt8>, token: String) -> [UInt8] {
        Array(label.utf8) + [0] + Array(SHA256.hash(data: Array(token.utf8))) + Array(nonce)
    }
}
