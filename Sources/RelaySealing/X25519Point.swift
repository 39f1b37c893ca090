internal import Crypto

/// The check that RFC 9180 section 7.1.4 asks for and the library leaves out.
enum X25519Point {
    private static let probe = try? Curve25519.KeyAgreement.PrivateKey(
        rawRepresentation: [UInt8](repeating: 0x55, count: 32))

    /// Whether an agreement with the point gives a secret: with one of small order the outcome is zero, for everybody.
    static func isUsable(_ bytes: some Collection<UInt8>) -> Bool {
        guard let probe, let point = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: Array(bytes)),
            let secret = try? probe.sharedSecretFromKeyAgreement(with: point)
        else { return false }
        return secret.withUnsafeBytes { !$0.allSatisfy { $0 == 0 } }
    }
}
