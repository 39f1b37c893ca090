public import Crypto
public import RelayFormat

/// What a member of an epoch is in the relay.
public enum MemberRole: UInt8, Sendable, CaseIterable {
    /// It takes work.
    case connector = 1
    /// It gives work.
    case dispatcher = 2
}

/// One member of an epoch.
public struct EpochMember: Sendable, Equatable {
    /// Who it is.
    public let id: MemberID
    /// What it is.
    public let role: MemberRole
    /// The key with which it signs.
    public let identityKey: P256.Signing.PublicKey
    /// The key to which secrets are sealed for it.
    public let hpkeKey: HPKEPublicKey
    /// The identity key in 33 bytes (SEC 1, compressed).
    let identityKeyBytes: [UInt8]

    static let identityKeySize = 33

    /// Names a member and its keys.
    public init(id: MemberID, role: MemberRole, identityKey: P256.Signing.PublicKey, hpkeKey: HPKEPublicKey) {
        self.id = id
        self.role = role
        self.identityKey = identityKey
        self.hpkeKey = hpkeKey
        identityKeyBytes = Array(identityKey.compressedRepresentation)
    }

    public static func == (left: Self, right: Self) -> Bool {
        left.id == right.id && left.role == right.role && left.identityKeyBytes == right.identityKeyBytes
            && left.hpkeKey == right.hpkeKey
    }

    static func smallestSize(_ suite: SealingSuite) -> Int { 16 + 1 + identityKeySize + 2 + suite.publicKeySize }

    func encode(into writer: inout ByteWriter) {
        writer.write(id)
        writer.write(role.rawValue)
        writer.write(raw: identityKeyBytes)
        writer.write(UInt16(hpkeKey.rawRepresentation.count))
        writer.write(raw: hpkeKey.rawRepresentation)
    }

    init(from reader: inout ByteReader, suite: SealingSuite) throws(SealingError) {
        do {
            id = try reader.read(field: "member")
            guard let role = MemberRole(rawValue: try reader.read(field: "role")) else {
                throw RelayFormatError(.unknownValue, in: "role")
            }
            self.role = role
            identityKeyBytes = Array(try reader.read(count: Self.identityKeySize, field: "identity key"))
            let count = Int(try reader.read(UInt16.self, field: "HPKE key"))
            hpkeKey = try HPKEPublicKey(
                suite: suite, rawRepresentation: try reader.read(count: count, field: "HPKE key"))
        } catch let error as RelayFormatError { throw SealingError(error) } catch let error as SealingError {
            throw error
        } catch { throw SealingError(.malformed, "a member cannot be read") }
        guard let key = P256.Signing.PublicKey.compressed(identityKeyBytes) else {
            throw SealingError(.malformed, "an identity key is no point of P-256")
        }
        identityKey = key
    }
}

extension P256.Signing.PublicKey {
    /// Reads the 33 bytes of a compressed key; nil for anything else.
    static func compressed(_ bytes: [UInt8]) -> P256.Signing.PublicKey? {
        guard bytes.count == EpochMember.identityKeySize else { return nil }
        return try? P256.Signing.PublicKey(compressedRepresentation: bytes)
    }
}

extension Identifier {
    /// Whether it stands before another one in the order of their bytes.
    func precedes(_ other: Self) -> Bool { (high, low) < (other.high, other.low) }
}
