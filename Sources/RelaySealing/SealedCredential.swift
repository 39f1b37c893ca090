internal import Crypto
public import RelayFormat

/// A secret of a tenant on its way to one member: sealed to its HPKE key, so that no server in between reads it.
///
/// Nothing says who sealed it: the member takes it from its tenant alone, over TLS.
public struct SealedCredential: Sendable, Equatable {
    private static let label = Array("postern queue credential v1\0".utf8)
    /// The longest secret.
    public static let longest = 64 * 1024

    /// To which key it is sealed.
    public let key: HPKEPublicKey
    /// The encapsulated key and the ciphertext.
    public let bytes: [UInt8]

    /// Takes what was sealed elsewhere; nothing is checked here.
    public init(key: HPKEPublicKey, bytes: [UInt8]) {
        self.key = key
        self.bytes = bytes
    }

    /// Seals a secret.
    ///
    /// - Throws: `tooLarge` for a secret that is longer than `longest`, `malformed` when nothing can be sealed to the key.
    public init(
        sealing secret: [UInt8], to key: HPKEPublicKey, tenant: TenantID, member: MemberID
    ) throws(SealingError) {
        guard secret.count <= Self.longest else { throw SealingError(.tooLarge, "a credential is too long") }
        var sender = try key.sender(info: Self.label + tenant.bytes + member.bytes)
        guard let sealed = try? sender.seal(secret) else {
            throw SealingError(.malformed, "nothing can be sealed to this HPKE key")
        }
        self.init(key: key, bytes: Array(sender.encapsulatedKey) + Array(sealed))
    }

    /// Opens it.
    ///
    /// - Throws: `decryption` when it was sealed to another key or for another member, or was changed.
    public func open(
        with privateKey: HPKEPrivateKey, tenant: TenantID, member: MemberID
    ) throws(SealingError) -> [UInt8] {
        let size = key.suite.encapsulatedKeySize
        guard privateKey.publicKey == key, bytes.count > size, bytes.count <= size + Self.longest + 64 else {
            throw SealingError(.decryption, "the credential was sealed to another key")
        }
        var recipient = try privateKey.recipient(
            encapsulated: bytes.prefix(size), info: Self.label + tenant.bytes + member.bytes)
        guard let secret = try? recipient.open(bytes.dropFirst(size)) else {
            throw SealingError(.decryption, "the credential does not open")
        }
        return Array(secret)
    }
}
