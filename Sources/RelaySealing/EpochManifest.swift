public import Crypto
internal import RelayFormat

/// An epoch as it is published: its core, its secret sealed for each member, and the Key Authority's signature.
public struct EpochManifest: Sendable, Equatable {
    /// The epoch.
    public let core: EpochCore
    /// The secret, sealed for each member in the order of the members: encapsulated key, ciphertext, tag.
    public let sealedSecrets: [[UInt8]]
    /// The signature, 64 bytes.
    public let signature: [UInt8]

    private static let label = Array("postern manifest v1\0".utf8)

    /// Seals a secret for all members and signs.
    ///
    /// - Throws: `malformed` when a member's HPKE key is none, `signer` when the key does not sign.
    public static func make(
        _ core: EpochCore, secret: EpochSecret, signer: some IdentitySigning
    ) throws(SealingError) -> EpochManifest {
        var sealed: [[UInt8]] = []
        sealed.reserveCapacity(core.members.count)
        for member in core.members {
            var sender = try member.hpkeKey.sender(info: core.hash.bytes)
            guard let box = try? sender.seal(secret.bytes, authenticating: member.id.bytes) else {
                throw SealingError(.malformed, "the secret cannot be sealed for a member")
            }
            sealed.append(Array(sender.encapsulatedKey) + Array(box))
        }
        let signature = try IdentitySignature.make(over: signedBytes(core, sealed), by: signer)
        return EpochManifest(core: core, sealedSecrets: sealed, signature: signature)
    }

    private init(core: EpochCore, sealedSecrets: [[UInt8]], signature: [UInt8]) {
        self.core = core
        self.sealedSecrets = sealedSecrets
        self.signature = signature
    }

    /// Reads a manifest; its signature is not checked here.
    ///
    /// - Throws: `malformed` for anything that `make` would not have made.
    public init(decoding bytes: [UInt8]) throws(SealingError) {
        var reader = ByteReader(bytes[...])
        do {
            core = try EpochCore(decoding: Array(try reader.readBlock(field: "epoch core")))
            let size = Self.sealedSecretSize(core.suite)
            let count = try reader.readCount(minimumSize: 2 + size, field: "sealed secrets")
            guard count == core.members.count else { throw RelayFormatError(.unknownValue, in: "sealed secrets") }
            var sealed: [[UInt8]] = []
            sealed.reserveCapacity(count)
            for _ in 0..<count {
                guard Int(try reader.read(UInt16.self, field: "sealed secret")) == size else {
                    throw RelayFormatError(.unknownValue, in: "sealed secret")
                }
                sealed.append(Array(try reader.read(count: size, field: "sealed secret")))
            }
            sealedSecrets = sealed
            signature = Array(try reader.read(count: IdentitySignature.size, field: "signature"))
            try reader.expectEnd(of: "manifest")
        } catch let error as RelayFormatError { throw SealingError(error) } catch let error as SealingError {
            throw error
        } catch { throw SealingError(.malformed, "a manifest cannot be read") }
    }

    /// The bytes.
    public var encoded: [UInt8] {
        var writer = ByteWriter(capacity: core.encoded.count + 128 + sealedSecrets.count * 1200)
        writer.write(block: core.encoded)
        writer.write(raw: Self.encoded(sealedSecrets))
        writer.write(raw: signature)
        return writer.finish()
    }

    /// Checks that the Key Authority of this key made the manifest.
    ///
    /// - Throws: `keyAuthority` when it did not.
    public func verify(by key: P256.Signing.PublicKey) throws(SealingError) {
        guard IdentitySignature.isValid(signature, over: Self.signedBytes(core, sealedSecrets), by: key) else {
            throw SealingError(.keyAuthority, "the manifest is not signed by the Key Authority")
        }
    }

    /// Checks as `verify(by:)` does, for whoever opens it afterwards.
    public func verified(by key: P256.Signing.PublicKey) throws(SealingError) -> VerifiedManifest {
        try verify(by: key)
        return VerifiedManifest(manifest: self)
    }

    private static func sealedSecretSize(_ suite: SealingSuite) -> Int {
        suite.encapsulatedKeySize + EpochSecret.size + 16
    }

    private static func encoded(_ sealed: [[UInt8]]) -> [UInt8] {
        var writer = ByteWriter(capacity: 2 + sealed.count * 1200)
        writer.write(UInt16(sealed.count))
        for secret in sealed {
            writer.write(UInt16(secret.count))
            writer.write(raw: secret)
        }
        return writer.finish()
    }

    private static func signedBytes(_ core: EpochCore, _ sealed: [[UInt8]]) -> [UInt8] {
        label + core.hash.bytes + Array(SHA256.hash(data: encoded(sealed)))
    }
}

/// A manifest of which it is known that the Key Authority made it; `EpochManifest.verified(by:)` alone makes one.
public struct VerifiedManifest: Sendable {
    /// The manifest.
    public let manifest: EpochManifest

    fileprivate init(manifest: EpochManifest) {
        self.manifest = manifest
    }
}

extension Identifier {
    /// The 16 bytes.
    var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 16)
        writer.write(self)
        return writer.finish()
    }
}
