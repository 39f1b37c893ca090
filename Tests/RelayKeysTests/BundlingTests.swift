import BrokerCore
import RelayFormat
import RelayKeys
import RelaySealing
import Testing

@Suite("Answers that leave together")
struct BundlingTests {
    private static let kinds: Set<MessageKind> = [.hello, .response, .ping, .known]

    private static func answer(
        _ number: UInt64, to keyring: Keyring, size: Int = 100, _ stage: KeyringStage
    ) throws -> OutgoingMessage {
        try OutgoingMessage(
            .response,
            ResponseMessage(
                .http(HTTPResponseContent(status: 200, headers: [], body: [UInt8](repeating: 7, count: size)[...]))),
            to: stage.inbox(keyring), attempt: UInt32(number), correlation: RequestID(high: 1, low: number),
            expiresAt: stage.now + .seconds(Int(number)), lane: .data)
    }

    /// A stage on which both connectors have a session with the dispatcher.
    private static func stage() async throws -> KeyringStage {
        let stage = try KeyringStage()
        for connector in [stage.one, stage.two] {
            try await stage.meet(connector)
            for payload in try await stage.say(stage.word(.ping, to: stage.dispatcher), by: connector) {
                try stage.hear(payload, by: stage.dispatcher)
            }
        }
        return stage
    }

    private static func open(_ record: OutgoingRecord, _ stage: KeyringStage) throws(SealingError) -> [Envelope] {
        try stage.dispatcher.open(record.payload, from: .inbox, allowing: kinds, at: stage.now)
    }

    @Test("to one process are one record, and each is heard once, in their order")
    func together() async throws {
        let stage = try await Self.stage()
        let answers = try (1...20).map { try Self.answer($0, to: stage.dispatcher, stage) }
        let sealed = await stage.one.seal(answers, at: stage.now)
        let record = try #require(sealed.records.first)
        #expect(sealed.records.count == 1)
        #expect(sealed.carriers == [Result<Int, SealingError>](repeating: .success(0), count: 20))
        #expect(record.place == stage.inbox(stage.dispatcher) && record.lane == .data)
        #expect(record.expiresAt == stage.now + .seconds(20), "it is of use as long as the last of them")
        let header = try Envelope(decoding: record.payload).header
        #expect(header.isBundle && header.kind == .response)
        #expect(header.attempt == 0 && header.correlation == .none, "which requests it answers is sealed")
        let opened = try Self.open(record, stage)
        #expect(opened.map(\.header.attempt) == Array(1...20))
        for (message, answer) in zip(opened, answers) {
            #expect(message.header.correlation == answer.correlation && !message.header.isBundle)
            #expect(message.header.sender == stage.one.party.member && message.header.group == stage.group)
            #expect(Array(message.body) == answer.body)
        }
        #expect(stage.refusal(of: record.payload, by: stage.dispatcher) == .replayed)
    }

    @Test("are as many records as keep each within 40 KiB; what is larger, or alone, is a record of its own")
    func sizes() async throws {
        let stage = try await Self.stage()
        let sizes = [100, 39_000, 100, 100, 60_000, 100] + [Int](repeating: 1000, count: 50)
        let answers = try sizes.enumerated().map {
            try Self.answer(UInt64($0.offset + 1), to: stage.dispatcher, size: $0.element, stage)
        }
        let sealed = await stage.one.seal(answers, at: stage.now)
        let bundles = try sealed.records.map { try Self.open($0, stage) }
        #expect(bundles.map(\.count) == [4, 1, 40, 11])
        #expect(bundles.flatMap { $0 }.map(\.header.attempt) == (1...56).map { UInt32($0) })
        #expect(
            try sealed.records.map { try Envelope(decoding: $0.payload).header.isBundle } == [true, false, true, true])
        #expect(sealed.records[0].payload.count == sealed.records[2].payload.count, "both are padded to 40 KiB")
        for (index, carrier) in sealed.carriers.enumerated() {
            let attempts = bundles[try carrier.get()].map(\.header.attempt)
            #expect(attempts.contains(UInt32(index + 1)))
        }
    }

    @Test("to several processes, and among other words, are bundled for each; who cannot be told has none")
    func mixed() async throws {
        let stage = try await Self.stage()
        let stranger = try KeyringStage()
        var messages: [OutgoingMessage] = []
        for number in stride(from: UInt64(1), to: 7, by: 2) {
            messages.append(try Self.answer(number, to: stage.dispatcher, stage))
            messages.append(try Self.answer(number + 1, to: stranger.dispatcher, stage))
            messages.append(try stage.word(.ping, to: stage.dispatcher))
        }
        let sealed = await stage.one.seal(messages, at: stage.now)
        #expect(sealed.records.count == 4)
        let carriers = sealed.carriers.map { carrier in try? carrier.get() }
        #expect(carriers == [0, nil, 1, 0, nil, 2, 0, nil, 3])
        for case .failure(let error) in sealed.carriers { #expect(error.code == .unknownSession) }
        let opened = try sealed.records.flatMap { try Self.open($0, stage) }
        #expect(opened.map(\.header.kind) == [.response, .response, .response, .ping, .ping, .ping])
        #expect(opened.prefix(3).map(\.header.attempt) == [1, 3, 5])
    }

    @Test("are nothing else when the flag is changed; no other kind is bundled")
    func flag() async throws {
        let stage = try await Self.stage()
        let answers = try (1...2).map { try Self.answer($0, to: stage.dispatcher, stage) }
        let bundle = await stage.one.seal(answers, at: stage.now).records[0].payload
        let single = await stage.one.seal([answers[0]], at: stage.now).records[0].payload
        let ping = await stage.one.seal([try stage.word(.ping, to: stage.dispatcher)], at: stage.now).records[0].payload
        let request = await stage.dispatcher.seal([try stage.request()], at: stage.now).records[0].payload
        func flipped(_ payload: [UInt8]) -> [UInt8] {
            var payload = payload
            payload[7] ^= 1
            return payload
        }
        #expect(stage.refusal(of: flipped(bundle), by: stage.dispatcher) == .commitment)
        #expect(stage.refusal(of: flipped(single), by: stage.dispatcher) == .commitment)
        #expect(stage.refusal(of: flipped(ping), by: stage.dispatcher) == .malformed)
        #expect(stage.refusal(of: flipped(request), by: stage.one, from: .group(stage.group)) == .malformed)
        for payload in [bundle, single, ping] { try stage.hear(payload, by: stage.dispatcher) }
    }
}
