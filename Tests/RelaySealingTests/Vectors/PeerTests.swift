import Crypto
import Foundation
import RelayFormat
import RelaySealing
import TestTools
import Testing

/// Tests/peer: the same protocol in Python, written from Documentation/Protocol.md.
@Suite("A second implementation of the sealing")
struct PeerTests {
    /// What one side made, in the form that `peer.py speak` writes.
    private struct Spoken: Codable {
        struct Message: Codable {
            var message: String
            var body: String
        }
        var manifest: String
        var groupMessages: [Message]
        var hello: Message
        var hpkeKey: String
        var fromConnector: [Message]
        var bundle: Message
    }

    private struct Answered: Codable { var fromDispatcher: [Spoken.Message] }

    private static func bytes(_ hex: String) throws -> [UInt8] { try #require(hexBytes(hex)) }

    /// Runs the peer; it fails where its packages are missing, since a run without it is not complete.
    private static func peer(_ command: String, _ suite: SealingSuite, spoken: Spoken? = nil) async throws -> Data {
        guard let python = PythonPackages.interpreter, PythonPackages.data("pyhpke") != nil,
            PythonPackages.data("kyber_py") != nil
        else {
            throw StandardVectorTests.Missing(
                description: "Python with pyhpke and kyber-py is missing: ops/test installs it (require_python)")
        }
        let program = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../peer/peer.py")
        let place = try OpenSSL()
        defer { place.remove() }
        var arguments = [
            python, program.standardizedFileURL.path, command, SealingVectors.file(suite: Int(suite.rawValue)).path,
        ]
        if let spoken {
            try place.write(String(decoding: JSONEncoder().encode(spoken), as: UTF8.self), to: "spoken.json")
            arguments.append("spoken.json")
        }
        return Data(try await place.run(program: arguments).utf8)
    }

    @Test("opens the vectors, seals them alike, and refuses what is to be refused", arguments: SealingSuite.allCases)
    func vectors(suite: SealingSuite) async throws {
        let answer = String(decoding: try await Self.peer("check", suite), as: UTF8.self)
        #expect(answer == "suite \(suite.rawValue): 20 messages opened and sealed alike, 18 refused\n")
    }

    @Test("makes epochs, requests, hellos and replies that open here", arguments: SealingSuite.allCases)
    func theirs(suite: SealingSuite) async throws {
        let spoken = try JSONDecoder().decode(Spoken.self, from: await Self.peer("speak", suite))
        let ours = try VectorMaking(suite: suite)
        let manifest = try EpochManifest(decoding: Self.bytes(spoken.manifest))
        try manifest.core.check(after: ours.core.mark)
        #expect(manifest.core.number == ours.core.number + 1)
        let dispatcher = try ours.epoch(of: ours.dispatcher, opening: manifest)
        let verified = VerifiedBatches()
        #expect(spoken.groupMessages.count == 12)
        for message in spoken.groupMessages {
            let sealed = try GroupMessage(decoding: Self.bytes(message.message))
            for person in [ours.dispatcher] + ours.connectors {
                let epoch = try ours.epoch(of: person, opening: manifest)
                #expect(
                    try Array(epoch.open(sealed, verified: verified, at: SealingStage.now)) == Self.bytes(message.body))
            }
        }
        let hello = try GroupMessage(decoding: Self.bytes(spoken.hello.message))
        let body = try dispatcher.open(hello, verified: verified, at: SealingStage.now)
        let session = try Session.accept(
            Envelope(header: hello.header, body: body).decode(HelloMessage.self), header: hello.header,
            in: dispatcher, boot: ours.dispatcher.boot)
        #expect(spoken.fromConnector.count == 4)
        for message in spoken.fromConnector {
            let payload = try Self.bytes(message.message)
            #expect(try Array(session.open(payload, header: headerOf(payload))) == Self.bytes(message.body))
        }
        let bundle = try Self.bytes(spoken.bundle.message)
        let together = Envelope(
            header: try headerOf(bundle), body: try session.open(bundle, header: headerOf(bundle)))
        #expect(together.header.isBundle)
        #expect(try together.unbundled().map { hexText(Array($0.body)) } == spoken.fromConnector.prefix(3).map(\.body))
        let speaker = ours.connectors[1].member
        try HPKEKeyStatement(decoding: Self.bytes(spoken.hpkeKey)).verify(
            tenant: ours.core.tenant, member: speaker.id, identityKey: speaker.identityKey)
    }

    @Test("opens what is made here, and its answers open here", arguments: SealingSuite.allCases)
    func oursThere(suite: SealingSuite) async throws {
        let ours = try VectorMaking(suite: suite)
        let core = try EpochCore(
            suite: suite, tenant: ours.core.tenant, group: ours.core.group, number: 8, previous: ours.core.hash,
            notBefore: SealingStage.now, notAfter: SealingStage.now + .seconds(3600), members: ours.core.members)
        let manifest = try EpochManifest.make(core, secret: EpochSecret(), signer: ours.authority)
        func batch(_ kind: MessageKind, _ person: SealingStage.Person, _ bodies: [[UInt8]], first: UInt64) throws
            -> [Spoken.Message]
        {
            let epoch = try ours.epoch(of: person, opening: manifest)
            let headers = bodies.indices.map { index in
                var header = RelayHeader(
                    kind: kind, tenant: .none, attempt: 1, sender: person.member.id, boot: person.boot,
                    sequence: first + UInt64(index), message: .random(), correlation: .random(),
                    issuedAt: SealingStage.now)
                epoch.stamp(&header)
                return header
            }
            let sealed = try epoch.seal(Array(zip(headers, bodies)), by: person.identity, at: SealingStage.now)
            return zip(sealed, bodies).map { Spoken.Message(message: hexText($0), body: hexText($1)) }
        }
        let connector = ours.connectors[0]
        let (session, hello) = try Session.begin(
            in: ours.epoch(of: connector, opening: manifest), boot: connector.boot,
            with: ours.dispatcher.member.id, boot: ours.dispatcher.boot)
        func header(_ kind: MessageKind, _ sequence: UInt64) -> RelayHeader {
            var header = RelayHeader(
                kind: kind, tenant: .none, sender: .none, boot: .none, sequence: sequence, message: .random(),
                issuedAt: SealingStage.now)
            session.stamp(&header)
            return header
        }
        let replies: [[UInt8]] = [[], [1, 2, 3], [UInt8](repeating: 7, count: 40_000)]
        let bundle = MessageBundle.body(
            of: replies.enumerated().map { (UInt32($0.offset) + 1, .random(), $0.element) })
        var bundled = header(.response, 100)
        bundled.isBundle = true
        let spoken = try Spoken(
            manifest: hexText(manifest.encoded),
            groupMessages: batch(
                .request, ours.dispatcher, (0..<33).map { [UInt8](repeating: 1, count: 10 * $0) }, first: 1)
                + batch(.invite, ours.dispatcher, [[9]], first: 100) + batch(.beat, connector, [[], [4]], first: 1),
            hello: batch(.hello, connector, [hello.encoded], first: 50)[0], hpkeKey: "",
            fromConnector: replies.enumerated().map { index, body in
                Spoken.Message(
                    message: hexText(try session.seal(header(.response, UInt64(index) + 1), body)), body: hexText(body))
            }, bundle: Spoken.Message(message: hexText(try session.seal(bundled, bundle)), body: hexText(bundle)))
        let answered = try JSONDecoder().decode(
            Answered.self, from: await Self.peer("answer", suite, spoken: spoken))
        #expect(answered.fromDispatcher.count == replies.count)
        for (message, reply) in zip(answered.fromDispatcher, replies) {
            let payload = try Self.bytes(message.message)
            let body = try session.open(payload, header: headerOf(payload))
            #expect(Array(body) == Array("received ".utf8) + Array(SHA256.hash(data: reply)))
        }
    }
}
