internal import Crypto
public import RelayFormat
public import RelaySealing

/// Cuts epochs: numbers them, chains each to the one before, seals the secret for every member, and signs.
public struct EpochIssuer: Sendable {
    private let tenant: TenantID
    private let key: any IdentitySigning
    private let rules: EpochRules

    /// Makes an issuer of a tenant's epochs.
    ///
    /// - Parameter key: the Key Authority's.
    public init(tenant: TenantID, key: any IdentitySigning, rules: EpochRules) {
        self.tenant = tenant
        self.key = key
        self.rules = rules
    }

    /// Cuts the epoch of a group that comes after another.
    ///
    /// - Parameters:
    ///   - secret: a fresh one.
    /// - Throws: `invalidMember` for a key that is none; `exhausted` when there is no higher number.
    public func cut(
        for members: [EpochCandidate], of group: GroupID, suite: SealingSuite, after previous: EpochCore?,
        at now: RelayTime, secret: EpochSecret
    ) throws(KeyAuthorityError) -> EpochManifest {
        let members = try members.map { candidate throws(KeyAuthorityError) in try member(candidate, suite) }
        let number = try Self.number(after: previous?.number, at: now)
        do {
            let core = try EpochCore(
                suite: suite, tenant: tenant, group: group, number: number, previous: previous?.hash ?? .none,
                notBefore: now, notAfter: now + rules.life, members: members)
            return try EpochManifest.make(core, secret: secret, signer: key)
        } catch {
            throw KeyAuthorityError(.invalidMember, "the epoch cannot be made: \(error)")
        }
    }

    /// The number of an epoch that comes after another: the second of its making, or one more if that is not higher.
    ///
    /// Epochs are at least a second apart. So when the registry comes back from a backup and knows nothing of the last
    /// ones, the next number is still higher than all that members hold.
    public static func number(after last: UInt32?, at now: RelayTime) throws(KeyAuthorityError) -> UInt32 {
        let second = UInt32(clamping: now.milliseconds / 1000)
        guard let last else { return max(second, 1) }
        guard last < .max else { throw KeyAuthorityError(.exhausted, "there is no number after \(last)") }
        return max(last + 1, second)
    }

    private func member(_ candidate: EpochCandidate, _ suite: SealingSuite) throws(KeyAuthorityError) -> EpochMember {
        do {
            return EpochMember(
                id: candidate.id, role: candidate.role,
                identityKey: try P256.Signing.PublicKey(compressedRepresentation: candidate.identityKey),
                hpkeKey: try HPKEPublicKey(suite: suite, rawRepresentation: candidate.hpkeKey))
        } catch {
            throw KeyAuthorityError(.invalidMember, "a key of \(candidate.id) cannot be used: \(error)")
        }
    }
}
