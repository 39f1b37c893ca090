import Crypto
import RelayFormat
import Testing

@testable import RelaySealing

@Suite("A message that somebody changed on its way")
struct TamperedMessageTests {
    private let stage: SealingStage
    private let receiver: Epoch
    private let payload: [UInt8]

    init() throws {
        stage = try SealingStage()
        receiver = try stage.epoch(of: stage.connectors[0])
        payload = try stage.seal(.request, Array("work".utf8), from: stage.dispatcher)
    }

    private func open(_ payload: [UInt8], at now: RelayTime = SealingStage.now) throws -> ArraySlice<UInt8> {
        try receiver.open(GroupMessage(decoding: payload), verified: VerifiedBatches(), at: now)
    }

    @Test("is refused whichever byte of it was changed, and the true one still opens")
    func flips() throws {
        for position in payload.indices {
            for bit in [UInt8(1), 0x80] {
                var changed = payload
                changed[position] ^= bit
                let code = refusal { try open(changed) }
                switch position {
                case 0..<8: #expect(code != nil, "\(position)")
                case 8..<24: #expect(code == .foreignTenant)
                case 24..<40: #expect(code == .foreignGroup)
                case 40..<44: #expect(code == .unknownEpoch)
                case 48..<64: #expect(code == .senderUnknown)
                case 44..<160: #expect(code == .commitment, "\(position)")
                case ..<(payload.count - 66): #expect(code == .signature, "\(position)")
                default: #expect(code == .signature || code == .malformed || code == .commitment, "\(position)")
                }
            }
        }
        #expect(try open(payload) == Array("work".utf8)[...])
    }

    @Test("is refused when any field of its header is that of another true message")
    func swappedFields() throws {
        // Everything differs: kind, attempt, sender, boot, sequence, message, correlation, time.
        var other = stage.header(.beat, from: stage.connectors[1], sequence: 5)
        other.attempt = 9
        other.issuedAt = SealingStage.now + .seconds(1)
        var encoded = ByteWriter()
        other.encode(into: &encoded)
        let fields = [4..<5, 44..<48, 48..<64, 64..<80, 80..<88, 88..<104, 104..<120, 120..<128, 4..<128]
        for field in fields {
            var changed = payload
            changed.replaceSubrange(field, with: encoded.bytes[field])
            #expect(changed != payload)
            #expect(refusal { try open(changed) } != nil, "\(field)")
        }
        // Commitment, ciphertext, tag and signature of another true message of the same sender.
        let second = try stage.seal(.request, Array("more".utf8), from: stage.dispatcher, sequence: 2)
        for field in [128..<160, 160..<416, 416..<432, 434..<498, 128..<432, 128..<498] {
            var changed = payload
            changed.replaceSubrange(field, with: second[field])
            #expect(refusal { try open(changed) } != nil, "\(field)")
        }
    }

    @Test("is refused at every length but its own")
    func lengths() {
        for count in 0..<payload.count {
            #expect(refusal { try open(Array(payload.prefix(count))) } != nil)
            #expect(refusal { try open(Array(payload.suffix(count))) } != nil)
        }
        for more in [1, 16, 32, 64, 256, 768] {
            #expect(refusal { try open(payload + [UInt8](repeating: 0, count: more)) } != nil)
        }
    }

    @Test("is refused in another epoch, another group's epoch and out of its time")
    func elsewhere() throws {
        let next = try SealingStage(number: 8)
        let other = try next.epoch(of: next.connectors[0])
        let verified = VerifiedBatches()
        #expect(
            refusal { try other.open(GroupMessage(decoding: payload), verified: verified, at: SealingStage.now) }
                == .unknownEpoch)
        // The same number, other secrets: a Key Authority that cut two of them.
        let twin = try SealingStage(number: 7)
        let third = try twin.epoch(of: twin.connectors[0])
        #expect(
            refusal { try third.open(GroupMessage(decoding: payload), verified: verified, at: SealingStage.now) }
                == .commitment)
        #expect(refusal { try open(payload, at: stage.core.notAfter) } == .expiredEpoch)
        #expect(refusal { try open(payload, at: stage.core.notBefore + .seconds(-61)) } == .expiredEpoch)
        #expect(refusal { try open(payload, at: stage.core.notBefore + .seconds(-60)) } == nil)
        #expect(
            refusal {
                try receiver.open(
                    payload, header: stage.header(.request, from: stage.dispatcher, sequence: 2), verified: verified,
                    at: SealingStage.now)
            } == .malformed)
        let sender = try stage.epoch(of: stage.dispatcher)
        let header = stage.header(.request, from: stage.dispatcher)
        #expect(
            refusal { try sender.seal([(header, [])], by: stage.dispatcher.identity, at: stage.core.notAfter) }
                == .expiredEpoch)
    }

    @Test("is refused when a member signs for another, or says what is not its to say")
    func otherMembers() throws {
        // A connector knows the dispatcher's sender key, since all in the epoch do. Its signature gives it away.
        let connector = stage.connectors[0]
        let sender = try stage.epoch(of: stage.dispatcher)
        let header = stage.header(.request, from: stage.dispatcher)
        let forged = try sender.seal([(header, [1])], by: connector.identity, at: SealingStage.now)[0]
        #expect(refusal { try open(forged) } == .signature)
        // A connector that seals requests in its own name.
        let own = stage.header(.request, from: connector)
        let key = try stage.epoch(of: connector).senderKey(.request, connector.member.id, connector.boot).key
        let batch = UnsignedBatch([try SealedMessage.seal(own, [1], key: key)])
        let lie = try batch.signed(with: connector.identity.signature(over: batch.signedBytes))[0]
        #expect(refusal { try open(lie) } == .senderRole)
        // Nobody seals in the name of another.
        #expect(
            refusal {
                try stage.epoch(of: connector).seal([(header, [1])], by: connector.identity, at: SealingStage.now)
            } == .senderUnknown)
        let short = Shortened(key: stage.dispatcher.identity)
        #expect(refusal { try sender.seal([(header, [1])], by: short, at: SealingStage.now) } == .signer)
    }

    /// Signs with too few bytes.
    private struct Shortened: IdentitySigning {
        let key: P256.Signing.PrivateKey
        var publicKey: P256.Signing.PublicKey { key.publicKey }
        func signature(over bytes: [UInt8]) throws -> [UInt8] { Array(try key.signature(over: bytes).dropLast()) }
    }

    @Test("is refused when its sender padded it in another way")
    func padding() throws {
        let person = stage.dispatcher
        let header = stage.header(.request, from: person)
        let key = try stage.epoch(of: person).senderKey(.request, person.member.id, person.boot).key
        func sealed(_ plaintext: [UInt8]) throws -> [UInt8] {
            var writer = ByteWriter()
            header.encode(into: &writer)
            var bytes = writer.finish()
            let (messageKey, commitment) = key.derive(header: bytes[...])
            commitment.withUnsafeBytes { bytes.append(contentsOf: $0) }
            let head = Array(bytes[..<RelayHeader.size])
            bytes += plaintext + [UInt8](repeating: 0, count: MessageCipher.tagSize)
            try head.withUnsafeBytes { head in
                try bytes.withUnsafeMutableBytes { bytes in
                    try MessageCipher.seal(
                        inPlace: UnsafeMutableRawBufferPointer(rebasing: bytes[SealedMessage.prefix...]),
                        key: messageKey, authenticating: head)
                }
            }
            let batch = UnsignedBatch([bytes])
            return try batch.signed(with: person.identity.signature(over: batch.signedBytes))[0]
        }
        var plaintext = [UInt8](repeating: 0, count: 320)
        plaintext[3] = 2
        #expect(try open(sealed(plaintext)) == [0, 0])
        for position in 6..<320 {
            var changed = plaintext
            changed[position] = 1
            #expect(refusal { try open(sealed(changed)) } == .padding, "\(position)")
        }
        for length: [UInt8] in [[0, 0, 1, 61], [0, 0, 1, 64], [255, 255, 255, 255], [0x7f, 255, 255, 255]] {
            #expect(refusal { try open(sealed(length + plaintext.dropFirst(4))) } == .padding)
        }
        // Room enough, but not the size that belongs to the length.
        #expect(refusal { try open(sealed(plaintext + [UInt8](repeating: 0, count: 960))) } == .padding)
        #expect(refusal { try open(sealed(plaintext + [UInt8](repeating: 0, count: 320))) } == .malformed)
    }

    @Test("leaves nothing behind in the memory of senders")
    func noState() throws {
        for number in 0..<50 {
            var changed = payload
            changed[79] = UInt8(number) &+ 100
            #expect(refusal { try open(changed) } == .commitment)
        }
        #expect(receiver.sendersAtHand == 0)
        _ = try open(payload)
        #expect(receiver.sendersAtHand == 1)
    }
}
