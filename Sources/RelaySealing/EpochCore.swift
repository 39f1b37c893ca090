public import RelayFormat

/// What an epoch is: a group's members, from when to when, and what was before it.
///
/// Its bytes are what is hashed, sealed for and signed; they are kept as they came.
public struct EpochCore: Sendable, Equatable {
    /// "PSE1": an epoch's core and its version.
    static let magic: UInt32 = 0x5053_4531
    static let version: UInt8 = 1
    /// The most members of an epoch.
    public static let mostMembers = 4096
    /// By how much the clocks of two members may differ.
    public static let clockSkew = Duration.seconds(60)

    /// The algorithms.
    public let suite: SealingSuite
    /// The tenant.
    public let tenant: TenantID
    /// The group.
    public let group: GroupID
    /// Counts the epochs of the group, from 1.
    public let number: UInt32
    /// The hash of the core before this one; `none` for the first.
    public let previous: CoreHash
    /// From when on it counts.
    public let notBefore: RelayTime
    /// From when on it counts no more.
    public let notAfter: RelayTime
    /// The members, in the order of their ids.
    public let members: [EpochMember]
    /// The bytes.
    public let encoded: [UInt8]
    /// The hash of the bytes.
    public let hash: CoreHash

    /// Makes a core; the members are brought into order.
    ///
    /// - Throws: `malformed` when there are no members or too many, one twice or one with a key of another suite, or
    ///   when it would end before it begins.
    public init(
        suite: SealingSuite, tenant: TenantID, group: GroupID, number: UInt32, previous: CoreHash = .none,
        notBefore: RelayTime, notAfter: RelayTime, members: [EpochMember]
    ) throws(SealingError) {
        self.suite = suite
        self.tenant = tenant
        self.group = group
        self.number = number
        self.previous = previous
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.members = members.sorted { $0.id.precedes($1.id) }
        try Self.check(number, notBefore, notAfter, self.members, suite)
        var writer = ByteWriter(capacity: 128 + members.count * EpochMember.smallestSize(suite))
        writer.write(Self.magic)
        writer.write(Self.version)
        writer.write(suite.rawValue)
        writer.write(tenant)
        writer.write(group)
        writer.write(number)
        writer.write(raw: previous.bytes)
        writer.write(notBefore)
        writer.write(notAfter)
        writer.write(UInt16(self.members.count))
        for member in self.members { member.encode(into: &writer) }
        encoded = writer.finish()
        hash = CoreHash(of: encoded)
    }

    /// Reads a core.
    ///
    /// - Throws: `malformed` for anything that `init` would not have made.
    public init(decoding bytes: [UInt8]) throws(SealingError) {
        var reader = ByteReader(bytes[...])
        do {
            guard try reader.read(UInt32.self, field: "magic") == Self.magic,
                try reader.read(UInt8.self, field: "version") == Self.version
            else { throw RelayFormatError(.foreign, in: "epoch core") }
            guard let suite = SealingSuite(rawValue: try reader.read(field: "suite")) else {
                throw RelayFormatError(.unknownValue, in: "suite")
            }
            self.suite = suite
            tenant = try reader.read(field: "tenant")
            group = try reader.read(field: "group")
            number = try reader.read(field: "epoch")
            guard let previous = CoreHash(try reader.read(count: CoreHash.size, field: "previous core")) else {
                throw RelayFormatError(.truncated, in: "previous core")
            }
            self.previous = previous
            notBefore = try reader.readTime(field: "not before")
            notAfter = try reader.readTime(field: "not after")
            let count = try reader.readCount(minimumSize: EpochMember.smallestSize(suite), field: "members")
            guard count <= Self.mostMembers else { throw RelayFormatError(.tooLarge, in: "members") }
            var members: [EpochMember] = []
            members.reserveCapacity(count)
            for _ in 0..<count { members.append(try EpochMember(from: &reader, suite: suite)) }
            self.members = members
            try reader.expectEnd(of: "epoch core")
        } catch let error as RelayFormatError { throw SealingError(error) } catch let error as SealingError {
            throw error
        } catch { throw SealingError(.malformed, "an epoch core cannot be read") }
        try Self.check(number, notBefore, notAfter, members, suite)
        encoded = bytes
        hash = CoreHash(of: bytes)
    }

    private static func check(
        _ number: UInt32, _ notBefore: RelayTime, _ notAfter: RelayTime, _ members: [EpochMember], _ suite: SealingSuite
    ) throws(SealingError) {
        guard number > 0 else { throw SealingError(.malformed, "epochs are counted from 1") }
        guard notBefore < notAfter else { throw SealingError(.malformed, "an epoch ends before it begins") }
        guard !members.isEmpty, members.count <= mostMembers else {
            throw SealingError(.malformed, "an epoch has no members, or too many")
        }
        for (one, next) in zip(members, members.dropFirst()) {
            guard one.id.precedes(next.id) else { throw SealingError(.malformed, "members are out of order") }
        }
        guard members.allSatisfy({ $0.hpkeKey.suite == suite }) else {
            throw SealingError(.malformed, "a member's HPKE key is of another suite")
        }
    }

    public static func == (left: Self, right: Self) -> Bool { left.encoded == right.encoded }

    /// Where a member stands in the list; nil when it is not in the epoch.
    public func position(of id: MemberID) -> Int? {
        var range = 0..<members.count
        while !range.isEmpty {
            let middle = (range.lowerBound + range.upperBound) / 2
            let found = members[middle].id
            if found == id { return middle }
            range = found.precedes(id) ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return nil
    }

    /// The member of that id; nil when it is not in the epoch.
    public func member(_ id: MemberID) -> EpochMember? { position(of: id).map { members[$0] } }

    /// What the member with that id is; nil when there is none.
    public func role(of id: MemberID) -> MemberRole? { position(of: id).map { members[$0].role } }

    /// Whether the epoch counts at that moment; before its beginning the skew of clocks is allowed for.
    public func isValid(at now: RelayTime) -> Bool { now + Self.clockSkew >= notBefore && now < notAfter }
}
