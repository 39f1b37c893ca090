import Crypto
import RelayFormat
import Testing

@testable import RelaySealing

@Suite("Statements about keys")
struct KeyStatementTests {
    private static let member = MemberID(high: 0x3e, low: 4)
    private let identity = P256.Signing.PrivateKey()

    @Test("a member's word for its HPKE key holds for that member and key alone", arguments: SealingSuite.allCases)
    func hpkeKey(suite: SealingSuite) throws {
        let key = try HPKEPrivateKey(suite: suite).publicKey
        let made = try HPKEKeyStatement.make(key, tenant: SealingStage.tenant, member: Self.member, signer: identity)
        let bytes = made.encoded
        #expect(bytes.count == 1 + suite.publicKeySize + 64)
        let statement = try HPKEKeyStatement(decoding: bytes)
        #expect(statement == made)
        func code(
            _ statement: HPKEKeyStatement, tenant: TenantID = SealingStage.tenant, member: MemberID = Self.member,
            key: P256.Signing.PublicKey? = nil
        ) -> SealingError.Code? {
            refusal {
                try statement.verify(tenant: tenant, member: member, identityKey: key ?? identity.publicKey)
            }
        }
        #expect(code(statement) == nil)
        #expect(code(statement, tenant: TenantID(high: 1, low: 2)) == .signature)
        #expect(code(statement, member: MemberID(high: 1, low: 2)) == .signature)
        #expect(code(statement, key: P256.Signing.PrivateKey().publicKey) == .signature)
        for position in stride(from: 1, to: bytes.count, by: suite == .x25519 ? 1 : 53) {
            var changed = bytes
            changed[position] ^= 4
            #expect(code(try HPKEKeyStatement(decoding: changed)) == .signature, "\(position)")
        }
        for count in [0, 1, 32, 64, bytes.count - 1] {
            #expect(refusal { try HPKEKeyStatement(decoding: Array(bytes.prefix(count))) } == .malformed)
        }
    }

    @Test("a succession needs the old key and the root, whichever curve that is on")
    func succession() throws {
        let next = P256.Signing.PrivateKey()
        let root384 = P384.Signing.PrivateKey()
        let root256 = P256.Signing.PrivateKey()
        func made(_ root: ([UInt8]) throws -> [UInt8]) throws -> [UInt8] {
            try KeyAuthoritySuccession(
                tenant: SealingStage.tenant, from: identity, to: next.publicKey, at: SealingStage.now, root: root
            ).encoded
        }
        let by384 = try made { Array(try root384.signature(for: $0).derRepresentation) }
        let by256 = try made { Array(try root256.signature(for: $0).derRepresentation) }
        func code(
            _ bytes: [UInt8], _ root: KeyAuthoritySuccession.Root, tenant: TenantID = SealingStage.tenant,
            pinned: P256.Signing.PublicKey? = nil
        ) -> SealingError.Code? {
            refusal {
                try KeyAuthoritySuccession(decoding: bytes).verify(
                    tenant: tenant, pinned: pinned ?? identity.publicKey, root: root)
            }
        }
        #expect(code(by384, .p384(root384.publicKey)) == nil)
        #expect(code(by256, .p256(root256.publicKey)) == nil)
        #expect(code(by384, .p256(root256.publicKey)) == .keyAuthority)
        #expect(code(by256, .p384(root384.publicKey)) == .keyAuthority)
        #expect(code(by384, .p384(P384.Signing.PrivateKey().publicKey)) == .keyAuthority)
        #expect(code(by384, .p384(root384.publicKey), tenant: TenantID(high: 1, low: 1)) == .foreignTenant)
        #expect(code(by384, .p384(root384.publicKey), pinned: next.publicKey) == .keyAuthority)
        for position in by384.indices {
            var changed = by384
            changed[position] ^= 1
            #expect(code(changed, .p384(root384.publicKey)) != nil, "\(position)")
        }
        for count in by384.indices { #expect(code(Array(by384.prefix(count)), .p384(root384.publicKey)) == .malformed) }
        let read = try KeyAuthoritySuccession(decoding: by384)
        #expect(read.newKey.rawRepresentation == next.publicKey.rawRepresentation)
        #expect(read.issuedAt == SealingStage.now)
    }

    @Test("a private key comes back from its bytes, and none shows itself", arguments: SealingSuite.allCases)
    func privateKeys(suite: SealingSuite) throws {
        let key = try HPKEPrivateKey(suite: suite)
        let again = try HPKEPrivateKey(suite: suite, rawRepresentation: key.rawRepresentation)
        #expect(again.publicKey == key.publicKey)
        #expect(key.rawRepresentation.count == 32)
        #expect(refusal { try HPKEPrivateKey(suite: suite, rawRepresentation: [1, 2]) } == .malformed)
        for text in [
            "\(key)", String(reflecting: key), "\([key])", "\(EpochSecret())", String(reflecting: EpochSecret()),
        ] {
            #expect(text == "***" || text == "[***]")
        }
        var dumped = ""
        dump(key, to: &dumped)
        #expect(!dumped.contains("storage"))
        #expect(refusal { try EpochSecret(rawRepresentation: [1]) } == .malformed)
    }
}
