import Crypto
import RelayFormat
import Testing

@testable import RelaySealing

@Suite("An epoch and its manifest")
struct EpochTests {
    @Test(
        "reads as it was written, is as long as its parts, and opens for each member", arguments: SealingSuite.allCases)
    func roundTrip(suite: SealingSuite) throws {
        let stage = try SealingStage(suite: suite, connectors: 5)
        let bytes = stage.manifest.encoded
        let member = 16 + 1 + 33 + 2 + suite.publicKeySize
        #expect(stage.core.encoded.count == 4 + 1 + 1 + 16 + 16 + 4 + 32 + 8 + 8 + 2 + 6 * member)
        #expect(bytes.count == 4 + stage.core.encoded.count + 2 + 6 * (2 + suite.encapsulatedKeySize + 48) + 64)
        let read = try EpochManifest(decoding: bytes)
        #expect(read == stage.manifest)
        #expect(read.encoded == bytes)
        #expect(read.core.members == stage.core.members)
        #expect(Array(SHA256.hash(data: stage.core.encoded)) == stage.core.hash.bytes)
        for person in [stage.dispatcher] + stage.connectors {
            let epoch = try Epoch(
                opening: read, as: person.member.id, with: person.hpke, keyAuthority: stage.authority.publicKey)
            #expect(epoch.member == person.member)
        }
    }

    @Test("opens for nobody else", arguments: SealingSuite.allCases)
    func others(suite: SealingSuite) throws {
        let stage = try SealingStage(suite: suite)
        let stranger = try SealingStage.person(99, .connector, suite)
        func code(_ id: MemberID, _ key: HPKEPrivateKey, _ authority: P256.Signing.PrivateKey) -> SealingError.Code? {
            refusal {
                try Epoch(opening: stage.manifest, as: id, with: key, keyAuthority: authority.publicKey)
            }
        }
        let member = stage.connectors[0]
        #expect(code(stranger.member.id, stranger.hpke, stage.authority) == .notAMember)
        #expect(code(member.member.id, stranger.hpke, stage.authority) == .unknownEpoch)
        #expect(code(member.member.id, stage.connectors[1].hpke, stage.authority) == .unknownEpoch)
        #expect(code(member.member.id, member.hpke, P256.Signing.PrivateKey()) == .keyAuthority)
        #expect(code(member.member.id, member.hpke, stage.authority) == nil)
    }

    @Test("is refused whichever byte of it was changed")
    func flips() throws {
        let stage = try SealingStage(connectors: 1)
        let person = stage.connectors[0]
        let bytes = stage.manifest.encoded
        for position in bytes.indices {
            var changed = bytes
            changed[position] ^= 1
            #expect(
                refusal {
                    try Epoch(
                        opening: EpochManifest(decoding: changed), as: person.member.id, with: person.hpke,
                        keyAuthority: stage.authority.publicKey)
                } != nil, "\(position)")
        }
        for count in 0..<bytes.count {
            #expect(refusal { try EpochManifest(decoding: Array(bytes.prefix(count))) } == .malformed)
        }
        #expect(refusal { try EpochManifest(decoding: bytes + [0]) } == .malformed)
    }

    @Test("is only made of what makes sense")
    func refusals() throws {
        let one = try SealingStage.person(1, .dispatcher, .x25519).member
        let two = try SealingStage.person(2, .connector, .x25519).member
        let other = try SealingStage.person(3, .connector, .xWing).member
        func code(
            _ members: [EpochMember], number: UInt32 = 1, until end: Duration = .seconds(1)
        ) -> SealingError.Code? {
            refusal {
                try EpochCore(
                    suite: .x25519, tenant: SealingStage.tenant, group: SealingStage.group, number: number,
                    notBefore: SealingStage.now, notAfter: SealingStage.now + end, members: members)
            }
        }
        #expect(code([two, one]) == nil)
        #expect(code([]) == .malformed)
        #expect(code([one, two, one]) == .malformed)
        #expect(code([one, other]) == .malformed)
        #expect(code([one], number: 0) == .malformed)
        #expect(code([one], until: .zero) == .malformed)
        // Out of order on the wire.
        let core = try SealingStage().core
        let size = 16 + 1 + 33 + 2 + 32
        let list = core.encoded.count - 3 * size
        var swapped = core.encoded
        swapped.replaceSubrange(list..<list + size, with: core.encoded[list + size..<list + 2 * size])
        swapped.replaceSubrange(list + size..<list + 2 * size, with: core.encoded[list..<list + size])
        #expect(refusal { try EpochCore(decoding: swapped) } == .malformed)
        #expect(core.member(MemberID(high: 0, low: 0)) == nil)
        for member in core.members { #expect(core.member(member.id) == member) }
    }

    @Test("follows the one that was seen, and never goes back")
    func succession() throws {
        let person = try SealingStage.person(1, .dispatcher, .x25519).member
        func core(
            _ number: UInt32, after previous: CoreHash = .none, group: GroupID = SealingStage.group,
            tenant: TenantID = SealingStage.tenant, from start: RelayTime = SealingStage.now
        ) throws -> EpochCore {
            try EpochCore(
                suite: .x25519, tenant: tenant, group: group, number: number, previous: previous,
                notBefore: start, notAfter: start + .seconds(86400), members: [person])
        }
        let first = try core(1)
        let second = try core(2, after: first.hash)
        let third = try core(3, after: second.hash)
        #expect(refusal { try second.check(after: first.mark) } == nil)
        #expect(refusal { try first.check(after: first.mark) } == nil)
        #expect(refusal { try third.check(after: first.mark) } == nil, "one was missed")
        #expect(refusal { try first.check(after: second.mark) } == .rolledBack)
        let twin = try core(2, after: first.hash, from: SealingStage.now + .seconds(1))
        #expect(refusal { try twin.check(after: second.mark) } == .chainBroken)
        let stray = try core(3, after: first.hash)
        #expect(refusal { try stray.check(after: second.mark) } == .chainBroken)
        #expect(refusal { try core(4, group: GroupID(high: 8, low: 8)).check(after: first.mark) } == .foreignGroup)
        #expect(refusal { try core(4, tenant: TenantID(high: 8, low: 8)).check(after: first.mark) } == .foreignTenant)
    }

    @Test("a member that was removed cannot open the next epoch, and one that joined not the last")
    func membership() throws {
        let stage = try SealingStage(connectors: 2)
        let newcomer = try SealingStage.person(50, .connector, .x25519)
        let core = try EpochCore(
            suite: .x25519, tenant: SealingStage.tenant, group: SealingStage.group, number: 8,
            previous: stage.core.hash, notBefore: SealingStage.now, notAfter: SealingStage.now + .seconds(86400),
            members: [stage.dispatcher.member, stage.connectors[0].member, newcomer.member])
        let manifest = try EpochManifest.make(core, secret: EpochSecret(), signer: stage.authority)
        let removed = stage.connectors[1]
        #expect(
            refusal {
                try Epoch(
                    opening: manifest, as: removed.member.id, with: removed.hpke,
                    keyAuthority: stage.authority.publicKey)
            } == .notAMember)
        // Nor with any of the sealed secrets.
        for sealed in manifest.sealedSecrets {
            for info in [core.hash.bytes, stage.core.hash.bytes] {
                let code = refusal {
                    var recipient = try removed.hpke.recipient(encapsulated: sealed.prefix(32), info: info)
                    return try recipient.open(sealed.dropFirst(32), authenticating: removed.member.id.bytes)
                }
                #expect(code == nil)
                #expect(throws: (any Error).self) {
                    var recipient = try removed.hpke.recipient(encapsulated: sealed.prefix(32), info: info)
                    _ = try recipient.open(sealed.dropFirst(32), authenticating: removed.member.id.bytes)
                }
            }
        }
        #expect(
            refusal {
                try Epoch(
                    opening: stage.manifest, as: newcomer.member.id, with: newcomer.hpke,
                    keyAuthority: stage.authority.publicKey)
            } == .notAMember)
    }

    @Test(
        "one member's useless key is found before it keeps a group from its next epoch",
        arguments: SealingSuite.allCases)
    func uselessKeys(suite: SealingSuite) throws {
        let identity = P256.Signing.PrivateKey()
        if suite == .x25519 {
            // The points of small order, each also with the bit that is ignored.
            var points: [[UInt8]] = [
                [UInt8](repeating: 0, count: 32), [1] + [UInt8](repeating: 0, count: 31),
                try #require(hexBytes("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")),
                try #require(hexBytes("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")),
            ]
            for first in [0xec, 0xed, 0xee] as [UInt8] {
                for last in [0x7f, 0xff] as [UInt8] {
                    points.append([first] + [UInt8](repeating: 0xff, count: 30) + [last])
                }
            }
            for point in points {
                let key = try HPKEPublicKey(suite: suite, rawRepresentation: point)
                #expect(refusal { try key.checkUsable() } == .malformed, "\(hexText(point))")
                let own = try HPKEPrivateKey(suite: suite)
                #expect(refusal { try own.recipient(encapsulated: point, info: []) } == .decryption)
            }
        }
        let bad = try HPKEPublicKey(
            suite: suite, rawRepresentation: [UInt8](repeating: suite == .x25519 ? 0 : 0xff, count: suite.publicKeySize)
        )
        let member = MemberID(high: 1, low: 1)
        let statement = try HPKEKeyStatement.make(bad, tenant: SealingStage.tenant, member: member, signer: identity)
        #expect(
            refusal {
                try statement.verify(tenant: SealingStage.tenant, member: member, identityKey: identity.publicKey)
            } == .malformed)
        let good = try HPKEPrivateKey(suite: suite).publicKey
        #expect(refusal { try good.checkUsable() } == nil)
        #expect(refusal { try HPKEPublicKey(suite: suite, rawRepresentation: [1, 2, 3]) } == .malformed)
    }
}
