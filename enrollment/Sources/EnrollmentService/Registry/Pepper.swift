internal import Crypto
internal import EnrollmentProtocol
internal import Foundation
internal import MachineIdentity

/// The key under which the registry keeps secrets: who copies the registry alone cannot even try guesses.
struct Pepper: Sendable {
    static let byteCount = 32
    private let key: SymmetricKey

    init(bytes: [UInt8]) { key = SymmetricKey(data: bytes) }

    /// What the registry keeps instead of the secret, and looks it up by.
    func digest(of secret: SecretToken) -> SecretDigest {
        digest(of: Array(secret.kind.rawValue.utf8) + secret.bytes)
    }

    /// What the registry keeps instead of a text that only its sender has to know, such as a nonce.
    func digest(of text: String, label: String) -> SecretDigest {
        digest(of: Array(label.utf8) + [0] + Array(text.utf8))
    }

    /// The secret of a webhook: derived, so that the registry can sign with it and does not hold it.
    func webhookSecret(salt: [UInt8]) -> Secret {
        let code = HMAC<SHA256>.authenticationCode(for: Array("webhook".utf8) + [0] + salt, using: key)
        return Secret("whsec_" + Data(code).base64EncodedString())
    }

    private func digest(of bytes: [UInt8]) -> SecretDigest {
        SecretDigest(bytes: Array(HMAC<SHA256>.authenticationCode(for: bytes, using: key)))
    }
}
