internal import Crypto
public import RelayFormat
public import RelaySealing

/// Somebody who belongs to a group's epoch now, as the registry has it.
public struct EpochCandidate: Sendable, Equatable {
    /// Who it is.
    public var id: MemberID
    /// What it may say.
    public var role: MemberRole
    /// Its identity key, compressed (SEC1, 33 bytes).
    public var identityKey: [UInt8]
    /// Its HPKE key for the suite of the epoch.
    public var hpkeKey: [UInt8]
    /// When it stops to belong to it, unless something happens before.
    public var until: RelayTime

    /// Makes a candidate.
    public init(
        id: MemberID, role: MemberRole, identityKey: [UInt8], hpkeKey: [UInt8], until: RelayTime = .never
    ) {
        self.id = id
        self.role = role
        self.identityKey = identityKey
        self.hpkeKey = hpkeKey
        self.until = until
    }

    /// Whether an epoch has it with these very keys.
    func isSame(as member: EpochMember) -> Bool {
        id == member.id && role == member.role && hpkeKey == member.hpkeKey.rawRepresentation
            && identityKey == Array(member.identityKey.compressedRepresentation)
    }
}
