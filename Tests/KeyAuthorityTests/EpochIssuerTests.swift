import Crypto
import RelayFormat
import RelaySealing
import Testing

@testable import KeyAuthority

@Suite struct EpochIssuerTests {
    private let key = P256.Signing.PrivateKey()
    private let tenant = TenantID.random()
    private let group = GroupID.random()
    private let rules = EpochRules()

    @Test func anEpochIsChainedSignedAndOpenToItsMembersAlone() throws {
        let issuer = EpochIssuer(tenant: tenant, key: key, rules: rules)
        let (one, two, stranger) = (try Someone(), try Someone(role: .dispatcher), try Someone())
        let first = try issuer.cut(
            for: [one.candidate, two.candidate], of: group, suite: .x25519, after: nil,
            at: RelayTime(milliseconds: 5_000_500), secret: EpochSecret())
        #expect(first.core.number == 5000)
        #expect(first.core.previous == .none)
        #expect(first.core.notAfter - first.core.notBefore == .seconds(86400))
        for member in [one, two] {
            let epoch = try Epoch(opening: first, as: member.id, with: member.hpke, keyAuthority: key.publicKey)
            #expect(epoch.core.members.count == 2)
        }
        #expect(throws: SealingError.self) {
            try Epoch(opening: first, as: stranger.id, with: stranger.hpke, keyAuthority: key.publicKey)
        }
        let second = try issuer.cut(
            for: [two.candidate], of: group, suite: .x25519, after: first.core,
            at: RelayTime(milliseconds: 5_001_500), secret: EpochSecret())
        #expect(second.core.number == 5001)
        #expect(second.core.previous == first.core.hash)
        try second.core.check(after: first.core.mark)
        #expect(throws: SealingError.self) { try first.core.check(after: second.core.mark) }
        #expect(throws: SealingError.self) {
            try Epoch(opening: second, as: one.id, with: one.hpke, keyAuthority: key.publicKey)
        }
    }

    @Test func numbersGrowWithTheClockAndWithoutIt() throws {
        let second = RelayTime(milliseconds: 1_000_000_000)
        #expect(try EpochIssuer.number(after: nil, at: second) == 1_000_000)
        #expect(try EpochIssuer.number(after: nil, at: RelayTime(milliseconds: 0)) == 1)
        #expect(try EpochIssuer.number(after: 999_999, at: second) == 1_000_000)
        // The clock was turned back.
        #expect(try EpochIssuer.number(after: 2_000_000, at: second) == 2_000_001)
        #expect(throws: KeyAuthorityError.self) { try EpochIssuer.number(after: .max, at: second) }
        #expect(try EpochIssuer.number(after: 7, at: .never) == .max)
    }

    /// Epochs that a backup does not know were cut before it came back, each at least a second after the other.
    @Test func afterARestoredBackupNoNumberComesTwice() throws {
        var (now, number) = (RelayTime(milliseconds: 1_700_000_000_999), UInt32?.none)
        var given: Set<UInt32> = []
        for _ in 0..<50 {
            number = try EpochIssuer.number(after: number, at: now)
            given.insert(try #require(number))
            now = now + rules.spacing
        }
        // All is forgotten, and the next one is asked for at once.
        #expect(!given.contains(try EpochIssuer.number(after: nil, at: now)))
        #expect(given.count == 50)
    }

    @Test func aKeyThatIsNoneCutsNothing() throws {
        let issuer = EpochIssuer(tenant: tenant, key: key, rules: rules)
        var broken = try Someone().candidate
        broken.identityKey = [UInt8](repeating: 4, count: 33)
        #expect(throws: KeyAuthorityError.self) {
            try issuer.cut(
                for: [broken], of: group, suite: .x25519, after: nil, at: RelayTime(milliseconds: 1000),
                secret: EpochSecret())
        }
        #expect(throws: KeyAuthorityError.self) {
            try issuer.cut(
                for: [try Someone().candidate], of: group, suite: .xWing, after: nil,
                at: RelayTime(milliseconds: 1000), secret: EpochSecret())
        }
    }
}

/// A member with its keys.
struct Someone {
    let id = MemberID.random()
    let identity = P256.Signing.PrivateKey()
    let hpke: HPKEPrivateKey
    var role = MemberRole.connector

    init(role: MemberRole = .connector, suite: SealingSuite = .x25519) throws {
        self.role = role
        hpke = try HPKEPrivateKey(suite: suite)
    }

    var candidate: EpochCandidate {
        EpochCandidate(
            id: id, role: role, identityKey: Array(identity.publicKey.compressedRepresentation),
            hpkeKey: hpke.publicKey.rawRepresentation)
    }
}
