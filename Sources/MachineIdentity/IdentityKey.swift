public import Crypto

/// The key by which a machine proves who it is, wherever it is: every signature of an identity is made here.
public enum IdentityKey: Sendable {
    /// In this process's memory, and in a file of the state folder.
    case memory(MachineKey)
    /// In a token or HSM.
    case held(any HeldKey)

    /// The public half.
    public var publicKey: P256.Signing.PublicKey {
        switch self {
        case .memory(let key): key.publicKey
        case .held(let key): key.publicKey
        }
    }

    /// The fingerprint of the public half.
    public var fingerprint: KeyFingerprint { KeyFingerprint(publicKey) }

    /// The key itself, where this process has it.
    public var machineKey: MachineKey? { if case .memory(let key) = self { key } else { nil } }

    /// What holds the key, where this process has it not.
    public var heldKey: (any HeldKey)? { if case .held(let key) = self { key } else { nil } }

    /// Signs bytes (ECDSA with SHA-256).
    ///
    /// - Throws: `HeldKeyFailure` where something else holds the key.
    public func signature(for bytes: [UInt8]) async throws -> P256.Signing.ECDSASignature {
        switch self {
        case .memory(let key): try key.signing.signature(for: bytes)
        case .held(let key): try await key.signature(for: bytes)
        }
    }

    /// Shows that the key is there and can be used, by a signature that is thrown away.
    public func prove() async throws {
        // Nothing that anyone could take for something else: no request, token or record begins like this.
        if heldKey != nil { _ = try await signature(for: Array("postern: is the key there?".utf8)) }
    }
}
