import Crypto
import Foundation
import RelayFormat
import Testing

@testable import RelaySealing

@Suite("The published vectors of this protocol", .serialized)
struct VectorTests {
    /// Writes them anew; run by ops/vectors.
    @Test(
        "are written", .enabled(if: ProcessInfo.processInfo.environment["POSTERN_WRITE_VECTORS"] != nil),
        arguments: SealingSuite.allCases)
    func write(suite: SealingSuite) throws { try VectorMaking(suite: suite).vectors().save() }

    private static func bytes(_ hex: String) throws -> [UInt8] { try #require(hexBytes(hex)) }

    private static func identifier<Tag>(_ hex: String) throws -> Identifier<Tag> {
        var reader = ByteReader(try bytes(hex)[...])
        return try reader.read(field: "identifier")
    }

    /// One set of vectors, with the epoch opened for each member.
    private struct Opened {
        let vectors: SealingVectors
        let manifest: EpochManifest
        let epochs: [String: Epoch]
        let boots: [String: BootID]
        let now: RelayTime

        init(_ suite: SealingSuite) throws {
            let vectors = try SealingVectors.load(suite: Int(suite.rawValue))
            self.vectors = vectors
            #expect(vectors.suite == Int(suite.rawValue))
            let manifest = try EpochManifest(decoding: bytes(vectors.epoch.manifest))
            self.manifest = manifest
            now = RelayTime(milliseconds: vectors.now)
            let authority = try P256.Signing.PublicKey(compressedRepresentation: bytes(vectors.keyAuthority.public))
            var epochs: [String: Epoch] = [:]
            var boots: [String: BootID] = [:]
            for member in vectors.members {
                let key = try HPKEPrivateKey(suite: suite, rawRepresentation: bytes(member.hpke.private))
                #expect(hexText(key.publicKey.rawRepresentation) == member.hpke.public)
                epochs[member.name] = try Epoch(
                    opening: manifest, as: identifier(member.id), with: key, keyAuthority: authority)
                boots[member.name] = try identifier(member.boot)
            }
            self.epochs = epochs
            self.boots = boots
        }
    }

    @Test("give the same core, keys and commitments", arguments: SealingSuite.allCases)
    func derivations(suite: SealingSuite) throws {
        let opened = try Opened(suite)
        let epoch = opened.vectors.epoch
        let core = try EpochCore(
            suite: suite, tenant: Self.identifier(epoch.tenant), group: Self.identifier(epoch.group),
            number: epoch.number, previous: try #require(CoreHash(try Self.bytes(epoch.previous))),
            notBefore: RelayTime(milliseconds: epoch.notBefore), notAfter: RelayTime(milliseconds: epoch.notAfter),
            members: try opened.vectors.members.map { member in
                try EpochMember(
                    id: Self.identifier(member.id), role: try #require(MemberRole(rawValue: UInt8(member.role))),
                    identityKey: P256.Signing.PrivateKey(rawRepresentation: Self.bytes(member.identity.private))
                        .publicKey,
                    hpkeKey: HPKEPublicKey(suite: suite, rawRepresentation: Self.bytes(member.hpke.public)))
            })
        #expect(hexText(core.encoded) == epoch.core)
        #expect(hexText(core.hash.bytes) == epoch.coreHash)
        #expect(opened.manifest.core == core)
        let prk = HKDF<SHA256>.extract(
            inputKeyMaterial: SymmetricKey(data: try Self.bytes(epoch.secret)), salt: try Self.bytes(epoch.coreHash))
        #expect(hexText(Array(prk)) == epoch.prk)
        // A sender key shows in what it derives.
        let header = [UInt8](repeating: 7, count: 128)
        for vector in opened.vectors.senderKeys {
            let any = try #require(opened.epochs["connector 2"])
            let ours = any.senderKey(
                vector.label == "beat" ? .beat : .request, try Self.identifier(vector.sender),
                try Self.identifier(vector.boot)
            ).key
            let theirs = SenderKey(SymmetricKey(data: try Self.bytes(vector.key)))
            #expect(
                Array(ours.derive(header: header[...]).commitment)
                    == Array(theirs.derive(header: header[...]).commitment))
        }
    }

    @Test("open for each member, and seal to the same bytes", arguments: SealingSuite.allCases)
    func groupMessages(suite: SealingSuite) throws {
        let opened = try Opened(suite)
        let verified = VerifiedBatches()
        #expect(opened.vectors.groupMessages.count == 14)
        for vector in opened.vectors.groupMessages + [opened.vectors.session.hello] {
            let payload = try Self.bytes(vector.message)
            let message = try GroupMessage(decoding: payload)
            for epoch in opened.epochs.values {
                let body = try epoch.open(message, verified: verified, at: opened.now)
                #expect(try Array(body) == Self.bytes(vector.body), "\(vector.name)")
            }
            let epoch = try #require(opened.epochs["connector 2"])
            let key = epoch.senderKey(message.header.kind, message.header.sender, message.header.boot).key
            let (messageKey, commitment) = key.derive(header: payload[..<128])
            #expect(messageKey.withUnsafeBytes { hexText($0) } == vector.messageKey)
            #expect(hexText(Array(commitment)) == vector.commitment)
            #expect(
                try SealedMessage.seal(message.header, Self.bytes(vector.body), key: key) == Array(message.signedPart))
        }
    }

    @Test("carry a session", arguments: SealingSuite.allCases)
    func session(suite: SealingSuite) throws {
        let opened = try Opened(suite)
        let vector = opened.vectors.session
        let hello = try GroupMessage(decoding: Self.bytes(vector.hello.message))
        let dispatcher = try #require(opened.epochs[vector.dispatcher])
        let body = try dispatcher.open(hello, verified: VerifiedBatches(), at: opened.now)
        let read = try Envelope(header: hello.header, body: body).decode(HelloMessage.self)
        #expect(hexText(read.encapsulatedKey) == vector.encapsulatedKey)
        let session = try Session.accept(
            read, header: hello.header, in: dispatcher, boot: try #require(opened.boots[vector.dispatcher]))
        for message in vector.fromConnector {
            let payload = try Self.bytes(message.message)
            #expect(try Array(session.open(payload, header: headerOf(payload))) == Self.bytes(message.body))
            let key = SenderKey(SymmetricKey(data: try Self.bytes(vector.toDispatcher)))
            #expect(try SealedMessage.seal(headerOf(payload), Self.bytes(message.body), key: key) == payload)
        }
        for message in vector.fromDispatcher {
            let payload = try Self.bytes(message.message)
            #expect(try session.seal(headerOf(payload), Self.bytes(message.body)) == payload)
        }
        for refused in opened.vectors.refused {
            let payload = try Self.bytes(refused.message)
            let code = refusal {
                if refused.place == "session" { return try session.open(payload, header: headerOf(payload)) }
                return try dispatcher.open(GroupMessage(decoding: payload), verified: VerifiedBatches(), at: opened.now)
            }
            #expect(code?.rawValue == refused.reason, "\(refused.name)")
        }
    }

    @Test("hold statements about keys", arguments: SealingSuite.allCases)
    func statements(suite: SealingSuite) throws {
        let vectors = try SealingVectors.load(suite: Int(suite.rawValue))
        let member = try #require(vectors.members.first { $0.name == vectors.statements.hpkeKeyOf })
        let statement = try HPKEKeyStatement(decoding: Self.bytes(vectors.statements.hpkeKey))
        try statement.verify(
            tenant: Self.identifier(vectors.epoch.tenant), member: Self.identifier(member.id),
            identityKey: P256.Signing.PublicKey(compressedRepresentation: Self.bytes(member.identity.public)))
        #expect(hexText(statement.key.rawRepresentation) == member.hpke.public)
        let succession = try KeyAuthoritySuccession(decoding: Self.bytes(vectors.statements.succession))
        try succession.verify(
            tenant: Self.identifier(vectors.epoch.tenant),
            pinned: P256.Signing.PublicKey(compressedRepresentation: Self.bytes(vectors.keyAuthority.public)),
            root: .p384(P384.Signing.PublicKey(x963Representation: Self.bytes(vectors.statements.root))))
        #expect(hexText(succession.newKey.compressedRepresentation) == vectors.statements.newKey)
    }
}
