import Crypto
import RelayFormat

@testable import RelaySealing

/// Makes the vectors: fixed keys and ids, and signatures and encapsulated keys as the library draws them.
struct VectorMaking {
    let suite: SealingSuite
    let authority: P256.Signing.PrivateKey
    let dispatcher: SealingStage.Person
    let connectors: [SealingStage.Person]
    let core: EpochCore
    let secret: EpochSecret
    let manifest: EpochManifest

    /// 32 bytes that a name gives.
    static func seed(_ name: String) -> [UInt8] { Array(SHA256.hash(data: Array("postern vector \(name)".utf8))) }

    static func identifier<Tag>(_ name: String) throws -> Identifier<Tag> {
        var reader = ByteReader(seed(name).prefix(16))
        return try reader.read(field: "identifier")
    }

    init(suite: SealingSuite) throws {
        self.suite = suite
        authority = try P256.Signing.PrivateKey(rawRepresentation: Self.seed("key authority"))
        func person(_ name: String, _ role: MemberRole) throws -> SealingStage.Person {
            let identity = try P256.Signing.PrivateKey(rawRepresentation: Self.seed("\(name) identity"))
            let hpke = try HPKEPrivateKey(suite: suite, rawRepresentation: Self.seed("\(name) hpke"))
            let member = EpochMember(
                id: try Self.identifier("\(name) id"), role: role, identityKey: identity.publicKey,
                hpkeKey: hpke.publicKey)
            return try SealingStage.Person(
                member: member, identity: identity, hpke: hpke, boot: Self.identifier("\(name) boot"))
        }
        dispatcher = try person("dispatcher", .dispatcher)
        connectors = try [person("connector 1", .connector), person("connector 2", .connector)]
        core = try EpochCore(
            suite: suite, tenant: Self.identifier("tenant"), group: Self.identifier("group"), number: 7,
            previous: CoreHash(of: Array("postern vector previous core".utf8)), notBefore: SealingStage.now,
            notAfter: SealingStage.now + .seconds(86_400), members: [dispatcher.member] + connectors.map(\.member))
        secret = try EpochSecret(rawRepresentation: Self.seed("epoch secret"))
        manifest = try EpochManifest.make(core, secret: secret, signer: authority)
    }

    /// An epoch as one of them opens it; the one of the vectors if no other is given.
    func epoch(of person: SealingStage.Person, opening other: EpochManifest? = nil) throws -> Epoch {
        try Epoch(
            opening: other ?? manifest, as: person.member.id, with: person.hpke, keyAuthority: authority.publicKey)
    }

    private func header(_ kind: MessageKind, from person: SealingStage.Person, _ sequence: UInt64) throws -> RelayHeader
    {
        RelayHeader(
            kind: kind, suite: suite.inHeader, tenant: core.tenant, group: core.group, epoch: core.number,
            attempt: kind == .request || kind == .response ? 1 : 0, sender: person.member.id, boot: person.boot,
            sequence: sequence, message: MessageID(high: person.boot.high, low: person.boot.low &+ sequence),
            correlation: kind == .beat ? .none : try Self.identifier("request \(sequence)"),
            issuedAt: SealingStage.now + .milliseconds(Int64(sequence)))
    }

    private func described(
        _ name: String, _ message: [UInt8], _ body: [UInt8], key: SenderKey
    ) -> SealingVectors.Message {
        let (messageKey, commitment) = key.derive(header: message.prefix(RelayHeader.size))
        return SealingVectors.Message(
            name: name, header: hexText(message.prefix(RelayHeader.size)), body: hexText(body),
            messageKey: messageKey.withUnsafeBytes { hexText($0) }, commitment: hexText(Array(commitment)),
            message: hexText(message))
    }

    private func groupMessages() throws -> [SealingVectors.Message] {
        let content = HTTPRequestContent(
            method: "POST", target: "/reports?x=1", headers: [.init("Accept", "text/plain")],
            body: Array("a body".utf8)[...])
        var request = ByteWriter()
        try RequestMessage(
            service: "intranet", requestClass: .once, deadline: core.notBefore + .seconds(30),
            dispatchUntil: core.notBefore + .seconds(20), operation: .http(content)
        ).encode(into: &request)
        var invite = ByteWriter()
        try InviteMessage(now: SealingStage.now, bootNumber: 3).encode(into: &invite)
        var beat = ByteWriter()
        try BeatMessage(
            role: .connector, readiness: .ready, bootNumber: 4, name: "connector 1", version: "1.2.3",
            services: [ServiceOffer("intranet", requestClass: .once)], inFlight: 0, credit: 64
        ).encode(into: &beat)
        let (request1, invite1, beat1) = (request.finish(), invite.finish(), beat.finish())
        var messages: [SealingVectors.Message] = []
        func add(
            _ name: String, _ kind: MessageKind, _ bodies: [[UInt8]], _ person: SealingStage.Person, _ first: UInt64
        )
            throws
        {
            let epoch = try epoch(of: person)
            let batch = try bodies.enumerated().map {
                (header: try header(kind, from: person, first + UInt64($0.offset)), body: $0.element)
            }
            let sealed = try epoch.seal(batch, by: person.identity, at: SealingStage.now)
            for (index, payload) in sealed.enumerated() {
                let key = epoch.senderKey(kind, person.member.id, person.boot).key
                let title = bodies.count == 1 ? name : "\(name), \(index + 1) of \(bodies.count)"
                messages.append(described(title, payload, bodies[index], key: key))
            }
        }
        try add("REQUEST", .request, [request1], dispatcher, 1)
        try add("INVITE", .invite, [invite1], dispatcher, 2)
        try add("BEAT", .beat, [beat1], connectors[0], 3)
        try add("BEAT, empty body", .beat, [[]], connectors[1], 3)
        try add(
            "REQUEST in a batch", .request, (0..<5).map { request1 + [UInt8](repeating: 0, count: $0) }, dispatcher, 10)
        for (number, size) in [316, 317, 1277, 2557, 5117].enumerated() {
            try add(
                "REQUEST of \(size) bytes", .request, [[UInt8](repeating: 0x61, count: size)], dispatcher,
                20 + UInt64(number))
        }
        return messages
    }

    private func session() throws -> SealingVectors.Session {
        let connector = connectors[0]
        let (own, hello) = try Session.begin(
            in: epoch(of: connector), boot: connector.boot, with: dispatcher.member.id, boot: dispatcher.boot)
        let helloHeader = try header(.hello, from: connector, 30)
        let connectorEpoch = try epoch(of: connector)
        let sealed = try connectorEpoch.seal(
            [(helloHeader, hello.encoded)], by: connector.identity, at: SealingStage.now)[0]
        let peer = try Session.accept(hello, header: helloHeader, in: epoch(of: dispatcher), boot: dispatcher.boot)
        let info =
            Array("postern session v1\0".utf8) + core.hash.bytes + connector.member.id.bytes
            + dispatcher.member.id.bytes + connector.boot.bytes + dispatcher.boot.bytes
        let recipient = try dispatcher.hpke.recipient(encapsulated: hello.encapsulatedKey, info: info)
        let up = try recipient.exportSecret(context: Array("c2d".utf8), outputByteCount: 32)
        let down = try recipient.exportSecret(context: Array("d2c".utf8), outputByteCount: 32)
        var response = ByteWriter()
        try ResponseMessage(
            .http(
                HTTPResponseContent(
                    status: 201, headers: [.init("Set-Cookie", "a=1")], body: Array("created".utf8)[...]))
        ).encode(into: &response)
        let answer = response.finish()
        let bundle = MessageBundle.body(
            of: try (1...3).map { (UInt32($0), try Self.identifier("request \($0)"), answer) })
        var receipt = ByteWriter()
        try ReceiptMessage([Self.identifier("request 1")]).encode(into: &receipt)
        func messages(
            _ session: Session, _ key: SymmetricKey, _ person: SealingStage.Person,
            _ bodies: [(name: String, kind: MessageKind, body: [UInt8], isBundle: Bool)]
        ) throws -> [SealingVectors.Message] {
            try bodies.enumerated().map { index, entry in
                var header = try header(entry.kind, from: person, UInt64(index + 1) + 100)
                if entry.isBundle { (header.isBundle, header.attempt, header.correlation) = (true, 0, .none) }
                return described(entry.name, try session.seal(header, entry.body), entry.body, key: SenderKey(key))
            }
        }
        let vector = try SealingVectors.Session(
            connector: "connector 1", dispatcher: "dispatcher", info: hexText(info),
            hello: self.described(
                "HELLO", sealed, hello.encoded,
                key: connectorEpoch.senderKey(.hello, connector.member.id, connector.boot).key),
            encapsulatedKey: hexText(hello.encapsulatedKey), toDispatcher: up.withUnsafeBytes { hexText($0) },
            toConnector: down.withUnsafeBytes { hexText($0) },
            fromConnector: messages(
                own, up, connector,
                [
                    ("RESPONSE", .response, answer, false), ("PING", .ping, [], false),
                    ("bundle of RESPONSEs", .response, bundle, true),
                ]),
            fromDispatcher: messages(
                peer, down, dispatcher, [("RECEIPT", .receipt, receipt.finish(), false), ("PONG", .pong, [], false)]))
        return vector
    }

    private func refused(
        _ groups: [SealingVectors.Message], _ session: SealingVectors.Session
    ) throws -> [SealingVectors.Refused] {
        func changed(_ name: String, _ text: String, _ position: Int, _ place: String, _ reason: SealingError.Code)
            throws -> SealingVectors.Refused
        {
            var bytes = hexBytes(text) ?? []
            bytes[position] ^= 1
            return SealingVectors.Refused(name: name, place: place, message: hexText(bytes), reason: reason.rawValue)
        }
        let request = groups[0].message
        let size = request.count / 2
        let answer = session.fromConnector[0].message
        return try [
            changed("tenant", request, 8, "group", .foreignTenant),
            changed("group", request, 24, "group", .foreignGroup),
            changed("epoch", request, 43, "group", .unknownEpoch),
            changed("sender", request, 48, "group", .senderUnknown),
            changed("boot", request, 64, "group", .commitment),
            changed("issued at", request, 127, "group", .commitment),
            changed("commitment", request, 128, "group", .commitment),
            changed("ciphertext", request, 160, "group", .signature),
            changed("tag", request, size - 67, "group", .signature),
            changed("signature", request, size - 1, "group", .signature),
            changed("path of a batch", groups[4].message, groups[4].message.count / 2 - 67, "group", .signature),
            changed("leaf index of a batch", groups[4].message, groups[4].message.count / 2 - 66, "group", .signature),
            changed("boot in a session", answer, 64, "session", .sessionMismatch),
            changed("time in a session", answer, 127, "session", .commitment),
            changed("flag of a bundle", session.fromConnector[2].message, 7, "session", .commitment),
            changed("ciphertext in a session", answer, 170, "session", .decryption),
            changed("tag in a session", answer, answer.count / 2 - 1, "session", .decryption),
            SealingVectors.Refused(
                name: "a request whose proof is cut off", place: "group", message: String(request.dropLast(2)),
                reason: SealingError.Code.malformed.rawValue),
        ]
    }

    private func statements() throws -> SealingVectors.Statements {
        let root = try P384.Signing.PrivateKey(
            rawRepresentation: Self.seed("root") + Self.seed("root, more").prefix(16))
        let next = try P256.Signing.PrivateKey(rawRepresentation: Self.seed("next key authority"))
        return try SealingVectors.Statements(
            hpkeKeyOf: "connector 1",
            hpkeKey: hexText(
                HPKEKeyStatement.make(
                    connectors[0].hpke.publicKey, tenant: core.tenant, member: connectors[0].member.id,
                    signer: connectors[0].identity
                ).encoded),
            root: hexText(root.publicKey.x963Representation), newKey: hexText(next.publicKey.compressedRepresentation),
            succession: hexText(
                KeyAuthoritySuccession(
                    tenant: core.tenant, from: authority, to: next.publicKey, at: SealingStage.now
                ) { Array(try root.signature(for: $0).derRepresentation) }.encoded))
    }

    func vectors() throws -> SealingVectors {
        let named = [("dispatcher", dispatcher), ("connector 1", connectors[0]), ("connector 2", connectors[1])]
        let prk = SymmetricKey(
            data: HKDF<SHA256>.extract(inputKeyMaterial: secret.key, salt: core.hash.bytes))
        let groups = try groupMessages()
        let session = try session()
        return try SealingVectors(
            about:
                "Documentation/Protocol.md, Sealing; made by ops/vectors. All keys are SHA-256 of a text: never use them.",
            suite: Int(suite.rawValue), now: SealingStage.now.milliseconds,
            keyAuthority: .init(
                private: hexText(authority.rawRepresentation),
                public: hexText(authority.publicKey.compressedRepresentation)),
            members: named.map { name, person in
                SealingVectors.Member(
                    name: name, id: hexText(person.member.id.bytes), role: Int(person.member.role.rawValue),
                    boot: hexText(person.boot.bytes),
                    identity: .init(
                        private: hexText(person.identity.rawRepresentation),
                        public: hexText(person.identity.publicKey.compressedRepresentation)),
                    hpke: .init(
                        private: hexText(person.hpke.rawRepresentation),
                        public: hexText(person.hpke.publicKey.rawRepresentation)))
            },
            epoch: .init(
                tenant: hexText(core.tenant.bytes), group: hexText(core.group.bytes), number: core.number,
                previous: hexText(core.previous.bytes), notBefore: core.notBefore.milliseconds,
                notAfter: core.notAfter.milliseconds, core: hexText(core.encoded), coreHash: hexText(core.hash.bytes),
                secret: hexText(secret.bytes), prk: prk.withUnsafeBytes { hexText($0) },
                manifest: hexText(manifest.encoded)),
            senderKeys: [("request", dispatcher), ("request", connectors[0]), ("beat", connectors[0])].map {
                label, person in
                let key = HKDF<SHA256>.expand(
                    pseudoRandomKey: prk, info: Array(label.utf8) + person.member.id.bytes + person.boot.bytes,
                    outputByteCount: 32)
                return SealingVectors.SenderKey(
                    label: label, sender: hexText(person.member.id.bytes), boot: hexText(person.boot.bytes),
                    key: key.withUnsafeBytes { hexText($0) })
            },
            groupMessages: groups, session: session, statements: statements(), refused: refused(groups, session))
    }
}
