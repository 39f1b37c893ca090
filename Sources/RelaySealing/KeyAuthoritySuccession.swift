public import Crypto
public import RelayFormat

/// The word of a Key Authority, and of the installation's root, that another key signs epochs from now on.
public struct KeyAuthoritySuccession: Sendable {
    /// The key of the installation's root certificate.
    public enum Root: Sendable {
        /// On P-256; it signs with ECDSA over SHA-256.
        case p256(P256.Signing.PublicKey)
        /// On P-384; it signs with ECDSA over SHA-384.
        case p384(P384.Signing.PublicKey)
    }

    /// "PSK1": a succession and its version.
    private static let magic: UInt32 = 0x5053_4b31
    /// The longest signature of a root in bytes.
    private static let mostSignatureBytes = 160

    /// The tenant.
    public let tenant: TenantID
    /// The key that signed until now.
    public let oldKey: P256.Signing.PublicKey
    /// The key that signs from now on.
    public let newKey: P256.Signing.PublicKey
    /// When this was said.
    public let issuedAt: RelayTime
    /// The bytes.
    public let encoded: [UInt8]
    private let signed: [UInt8]
    private let signature: [UInt8]
    private let rootSignature: [UInt8]

    /// Signs with the old key, and has the root sign the same bytes.
    ///
    /// - Parameter root: answers the bytes with an ECDSA signature in DER.
    /// - Throws: `signer` when one of the two does not sign.
    public init(
        tenant: TenantID, from oldSigner: some IdentitySigning, to newKey: P256.Signing.PublicKey,
        at now: RelayTime, root: (_ bytes: [UInt8]) throws -> [UInt8]
    ) throws(SealingError) {
        self.tenant = tenant
        oldKey = oldSigner.publicKey
        self.newKey = newKey
        issuedAt = now
        var writer = ByteWriter(capacity: 320)
        writer.write(Self.magic)
        writer.write(tenant)
        writer.write(raw: oldKey.compressedRepresentation)
        writer.write(raw: newKey.compressedRepresentation)
        writer.write(now)
        signed = writer.bytes
        signature = try IdentitySignature.make(over: signed, by: oldSigner)
        do { rootSignature = try root(signed) } catch { throw SealingError(.signer, "the root did not sign") }
        guard rootSignature.count <= Self.mostSignatureBytes else {
            throw SealingError(.signer, "the root's signature is too long")
        }
        writer.write(raw: signature)
        writer.write(UInt16(rootSignature.count))
        writer.write(raw: rootSignature)
        encoded = writer.finish()
    }

    /// Reads a succession; nothing is checked here but the layout.
    ///
    /// - Throws: `malformed` for anything else.
    public init(decoding bytes: [UInt8]) throws(SealingError) {
        do {
            var reader = ByteReader(bytes[...])
            guard try reader.read(UInt32.self, field: "magic") == Self.magic else {
                throw RelayFormatError(.foreign, in: "succession")
            }
            tenant = try reader.read(field: "tenant")
            guard
                let oldKey = P256.Signing.PublicKey.compressed(Array(try reader.read(count: 33, field: "old key"))),
                let newKey = P256.Signing.PublicKey.compressed(Array(try reader.read(count: 33, field: "new key")))
            else { throw RelayFormatError(.unknownValue, in: "key") }
            self.oldKey = oldKey
            self.newKey = newKey
            issuedAt = try reader.readTime(field: "issued-at")
            signed = Array(bytes.prefix(bytes.count - reader.remaining))
            signature = Array(try reader.read(count: IdentitySignature.size, field: "signature"))
            let count = Int(try reader.read(UInt16.self, field: "root signature"))
            guard count <= Self.mostSignatureBytes else { throw RelayFormatError(.tooLarge, in: "root signature") }
            rootSignature = Array(try reader.read(count: count, field: "root signature"))
            try reader.expectEnd(of: "succession")
        } catch let error as RelayFormatError { throw SealingError(error) } catch {
            throw SealingError(.malformed, "a succession cannot be read")
        }
        encoded = bytes
    }

    /// Checks that the pinned key and the root both said so, for this tenant.
    ///
    /// - Throws: `foreignTenant` for another tenant, `keyAuthority` when one of the two did not sign.
    public func verify(
        tenant: TenantID, pinned: P256.Signing.PublicKey, root: Root
    ) throws(SealingError) {
        guard self.tenant == tenant else { throw SealingError(.foreignTenant, "the succession is another tenant's") }
        guard oldKey.rawRepresentation == pinned.rawRepresentation else {
            throw SealingError(.keyAuthority, "the succession is of another key")
        }
        guard IdentitySignature.isValid(signature, over: signed, by: pinned) else {
            throw SealingError(.keyAuthority, "the old key did not sign the succession")
        }
        let isSigned =
            switch root {
            case .p256(let key):
                (try? P256.Signing.ECDSASignature(derRepresentation: rootSignature))
                    .map { key.isValidSignature($0, for: signed) } ?? false
            case .p384(let key):
                (try? P384.Signing.ECDSASignature(derRepresentation: rootSignature))
                    .map { key.isValidSignature($0, for: signed) } ?? false
            }
        guard isSigned else { throw SealingError(.keyAuthority, "the root did not sign the succession") }
    }
}
