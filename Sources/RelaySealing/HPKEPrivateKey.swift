internal import Crypto
private import struct Foundation.Data

/// The private half of a member's HPKE key; it prints as `***`.
public struct HPKEPrivateKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private enum Storage: Sendable {
        case x25519(Curve25519.KeyAgreement.PrivateKey)
        case xWing(XWingMLKEM768X25519.PrivateKey)
    }

    private let storage: Storage
    /// The public half.
    public let publicKey: HPKEPublicKey

    /// The key's kind.
    public var suite: SealingSuite { publicKey.suite }

    /// Makes a new key from the system's randomness.
    ///
    /// - Throws: `malformed` when the library makes none.
    public init(suite: SealingSuite) throws(SealingError) {
        switch suite {
        case .x25519: self.init(Curve25519.KeyAgreement.PrivateKey())
        case .xWing:
            guard let key = try? XWingMLKEM768X25519.PrivateKey.generate() else {
                throw SealingError(.malformed, "no X-Wing key can be made")
            }
            self.init(key)
        }
    }

    /// Reads a key: the 32 bytes of an X25519 key, or the 32 bytes of an X-Wing key's seed.
    ///
    /// - Throws: `malformed` for anything else.
    public init(suite: SealingSuite, rawRepresentation: some Collection<UInt8>) throws(SealingError) {
        let bytes = Array(rawRepresentation)
        switch suite {
        case .x25519:
            guard let key = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: bytes) else {
                throw SealingError(.malformed, "this is no X25519 key")
            }
            self.init(key)
        case .xWing:
            guard bytes.count == 32,
                let key = try? XWingMLKEM768X25519.PrivateKey(seedRepresentation: bytes, publicKey: nil)
            else { throw SealingError(.malformed, "this is no seed of an X-Wing key") }
            self.init(key)
        }
    }

    private init(_ key: Curve25519.KeyAgreement.PrivateKey) {
        storage = .x25519(key)
        publicKey = HPKEPublicKey(trusted: key.publicKey)
    }

    private init(_ key: XWingMLKEM768X25519.PrivateKey) {
        storage = .xWing(key)
        publicKey = HPKEPublicKey(trusted: key.publicKey)
    }

    /// The 32 bytes of the key, for the one place that stores it.
    public var rawRepresentation: [UInt8] {
        switch storage {
        case .x25519(let key): Array(key.rawRepresentation)
        case .xWing(let key): Array(key.seedRepresentation)
        }
    }

    /// - Throws: `decryption` when the encapsulated key was not made for this one.
    func recipient(
        encapsulated: some Collection<UInt8>, info: [UInt8], cipher: HPKE.AEAD = .AES_GCM_256
    ) throws(SealingError) -> HPKE.Recipient {
        let ciphersuite = suite.ciphersuite(cipher)
        guard suite != .x25519 || X25519Point.isUsable(encapsulated) else {
            throw SealingError(.decryption, "the encapsulated key is of small order")
        }
        let encapsulated = Data(encapsulated)
        do {
            switch storage {
            case .x25519(let key):
                return try HPKE.Recipient(
                    privateKey: key, ciphersuite: ciphersuite, info: Data(info), encapsulatedKey: encapsulated)
            case .xWing(let key):
                return try HPKE.Recipient(
                    privateKey: key, ciphersuite: ciphersuite, info: Data(info), encapsulatedKey: encapsulated)
            }
        } catch {
            throw SealingError(.decryption, "the encapsulated key is none")
        }
    }

    public var description: String { "***" }
    public var debugDescription: String { "***" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
