internal import ArgumentParser
internal import Crypto
internal import RelayFormat
internal import RelaySealing

/// What sealing costs on one core: no queue, no network, one task.
struct SealBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seal", abstract: "Measures sealing and opening on one core.")

    @Option(help: "How many seconds each row takes.") var seconds: Double = 2
    @Option(help: "The suite: 1 (X25519) or 2 (X-Wing).") var suite: UInt8 = 1

    func validate() throws {
        guard SealingSuite(rawValue: suite) != nil else { throw ValidationError("--suite is 1 or 2") }
    }

    func run() async throws {
        let suite = SealingSuite(rawValue: suite) ?? .x25519
        let stage = try Stage(suite: suite)
        print("| what | times | µs |\n| --- | --- | --- |")
        for size in [1024, 64 * 1024] {
            for batch in [1, 32] {
                try group(stage, size: size, batch: batch)
            }
        }
        for size in [64, 1024, 32 * 1024] { try session(stage, size: size) }
        try measure("session: HELLO made and taken up") { try stage.session() }
        for members in [2, 100] {
            let core = try stage.core(members: members)
            try measure("manifest of \(members) members: made") {
                try EpochManifest.make(core, secret: EpochSecret(), signer: stage.authority)
            }
            let bytes = try EpochManifest.make(core, secret: EpochSecret(), signer: stage.authority).encoded
            try measure("manifest of \(members) members: read and opened") {
                try Epoch(
                    opening: EpochManifest(decoding: bytes), as: stage.dispatcher.member.id,
                    with: stage.dispatcher.hpke,
                    keyAuthority: stage.authority.publicKey)
            }
        }
    }

    private func group(_ stage: Stage, size: Int, batch: Int) throws {
        let body = [UInt8](repeating: 0x61, count: size)
        var sequence: UInt64 = 0
        func messages() -> [(header: RelayHeader, body: [UInt8])] {
            (0..<batch).map { _ in
                sequence += 1
                return (stage.header(.request, sequence), body)
            }
        }
        let name = "request of \(size / 1024) KiB, \(batch == 1 ? "alone" : "\(batch) under one signature")"
        let sender = stage.sender
        try measure("\(name): sealed", divisor: batch) {
            try sender.seal(messages(), by: stage.dispatcher.identity, at: Stage.now)
        }
        let sealed = try sender.seal(messages(), by: stage.dispatcher.identity, at: Stage.now)
        let headers = try sealed.map { try Envelope(decoding: $0).header }
        try measure("\(name): opened", divisor: batch) {
            let verified = VerifiedBatches()
            for (payload, header) in zip(sealed, headers) {
                _ = try stage.receiver.open(payload, header: header, verified: verified, at: Stage.now)
            }
        }
    }

    private func session(_ stage: Stage, size: Int) throws {
        let (connector, dispatcher) = try stage.session()
        let body = [UInt8](repeating: 0x61, count: size)
        var header = stage.header(.response, 1)
        connector.stamp(&header)
        let name = "session frame of \(size) bytes"
        try measure("\(name): sealed") {
            header.sequence += 1
            return try connector.seal(header, body)
        }
        let sealed = try connector.seal(header, body)
        try measure("\(name): opened") { try dispatcher.open(sealed, header: header) }
    }

    /// Prints the mean time of one, as long as the core was busy with it.
    private func measure(_ name: String, divisor: Int = 1, _ work: () throws -> some Any) throws {
        for _ in 0..<3 { _ = try work() }
        let end = ContinuousClock.now + .seconds(seconds)
        let before = ProcessorTime.own
        var count = 0
        while ContinuousClock.now < end {
            _ = try work()
            count += 1
        }
        let each = (ProcessorTime.own - before) / .microseconds(1) / Double(count * divisor)
        print("| \(name) | \(count * divisor) | \((each * 10).rounded() / 10) |")
    }
}

extension SealBenchmark {
    /// A dispatcher and a connector with an epoch.
    private struct Stage {
        struct Person {
            let member: EpochMember
            let identity = P256.Signing.PrivateKey()
            let hpke: HPKEPrivateKey

            init(_ role: MemberRole, _ number: Int, _ suite: SealingSuite) throws {
                hpke = try HPKEPrivateKey(suite: suite)
                member = EpochMember(
                    id: MemberID(high: 1, low: UInt64(number)), role: role, identityKey: identity.publicKey,
                    hpkeKey: hpke.publicKey)
            }
        }

        static let now = RelayTime(milliseconds: 1_700_000_000_000)
        let suite: SealingSuite
        let authority = P256.Signing.PrivateKey()
        let dispatcher: Person
        let connector: Person
        let sender: Epoch
        let receiver: Epoch
        let dispatcherBoot = BootID.random()
        let connectorBoot = BootID.random()

        init(suite: SealingSuite) throws {
            self.suite = suite
            dispatcher = try Person(.dispatcher, 1, suite)
            connector = try Person(.connector, 2, suite)
            let core = try Self.core(suite, [dispatcher.member, connector.member])
            let manifest = try EpochManifest.make(core, secret: EpochSecret(), signer: authority)
            sender = try Epoch(
                opening: manifest, as: dispatcher.member.id, with: dispatcher.hpke, keyAuthority: authority.publicKey)
            receiver = try Epoch(
                opening: manifest, as: connector.member.id, with: connector.hpke, keyAuthority: authority.publicKey)
        }

        private static func core(_ suite: SealingSuite, _ members: [EpochMember]) throws -> EpochCore {
            try EpochCore(
                suite: suite, tenant: TenantID(high: 1, low: 1), group: GroupID(high: 1, low: 1), number: 1,
                notBefore: now, notAfter: now + .seconds(86_400), members: members)
        }

        func core(members: Int) throws -> EpochCore {
            try Self.core(
                suite,
                [dispatcher.member] + (1..<members).map { try Person(.connector, $0 + 1, suite).member })
        }

        func header(_ kind: MessageKind, _ sequence: UInt64) -> RelayHeader {
            var header = RelayHeader(
                kind: kind, tenant: .none, attempt: 1, sender: dispatcher.member.id, boot: dispatcherBoot,
                sequence: sequence, message: MessageID(high: dispatcherBoot.high, low: sequence), issuedAt: Self.now)
            sender.stamp(&header)
            return header
        }

        func session() throws -> (connector: Session, dispatcher: Session) {
            let (session, hello) = try Session.begin(
                in: receiver, boot: connectorBoot, with: dispatcher.member.id, boot: dispatcherBoot)
            var header = header(.hello, 1)
            header.sender = connector.member.id
            header.boot = connectorBoot
            return (session, try Session.accept(hello, header: header, in: sender, boot: dispatcherBoot))
        }
    }
}
