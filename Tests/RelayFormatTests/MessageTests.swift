import RelayFormat
import TestTools
import Testing

@Suite("The bodies of messages")
struct MessageTests {
    @Test("every message reads as it was written", arguments: try Samples.all())
    func roundTrip(sample: Samples.Sample) throws {
        #expect(try sample.survives(sample.bytes))
    }

    @Test("every truncation of every message is refused", arguments: try Samples.all())
    func truncations(sample: Samples.Sample) {
        for count in 0..<sample.bytes.count {
            #expect(throws: RelayFormatError.self, "\(sample) cut to \(count)") {
                try Samples.readLikeAReceiver(Array(sample.bytes.prefix(count)))
            }
        }
    }

    @Test("a byte after the end is refused", arguments: try Samples.all())
    func trailing(sample: Samples.Sample) throws {
        do throws(RelayFormatError) {
            try Samples.readLikeAReceiver(sample.bytes + [0])
            Issue.record("a trailing byte was taken")
        } catch {
            #expect(error.code == .trailingBytes)
        }
    }

    @Test("200,000 mutated messages are read or refused, and none of them crashes")
    func mutations() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SplitMix(seed: seed)
        let samples = try Samples.all().map(\.bytes)
        var refused = 0
        for number in 0..<200_000 {
            // Whoever waits in another test goes first.
            if number % 1000 == 0 { await Task.yield() }
            var bytes = samples[number % samples.count]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                mutate(&bytes, using: &generator)
            }
            do throws(RelayFormatError) {
                try Samples.readLikeAReceiver(bytes)
            } catch {
                refused += 1
            }
        }
        #expect(refused > 20_000, "seed \(seed)")
        #expect(refused < 200_000, "seed \(seed)")
    }

    private func mutate(_ bytes: inout [UInt8], using generator: inout SplitMix) {
        guard !bytes.isEmpty else { return bytes = [UInt8.random(in: 0...255, using: &generator)] }
        // Most of what can go wrong is behind the header.
        let isBody = bytes.count > 129 && Int.random(in: 0..<4, using: &generator) > 0
        let position = Int.random(in: (isBody ? 128 : 0)..<bytes.count, using: &generator)
        switch Int.random(in: 0..<7, using: &generator) {
        case 0: bytes[position] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 2: bytes[position] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &generator) ?? 0
        case 3: bytes.removeSubrange(position...)
        case 4: bytes.remove(at: position)
        case 5: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: position)
        default:
            // A length field that promises the world.
            for offset in position..<min(position + 4, bytes.count) { bytes[offset] = 0xff }
        }
    }

    @Test("a count that the message cannot hold is refused before anything is reserved")
    func liarCounts() throws {
        let bytes = try Envelope.encode(Samples.header(.receipt), ReceiptMessage([])).dropLast(2) + [0xff, 0xff]
        #expect(throws: RelayFormatError(.truncated, in: "requests")) {
            try Envelope(decoding: Array(bytes)).decode(ReceiptMessage.self)
        }
    }

    @Test("every failure code travels, and no two have the same name")
    func failureCodes() throws {
        for code in RequestFailure.Code.allCases {
            let message = ResponseMessage(.failed(RequestFailure(code, "because")))
            let bytes = try Envelope.encode(Samples.header(.response), message)
            #expect(try Envelope(decoding: bytes).decode(ResponseMessage.self) == message)
        }
        let names = RequestFailure.Code.allCases.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.contains("outcome_unknown"))
    }

    @Test("each reason for a RETURN, each class and each readiness travels")
    func closedLists() throws {
        for reason in [ReturnMessage.Reason.draining, .serviceUnknown, .busy, .late] {
            let bytes = try Envelope.encode(Samples.header(.return), ReturnMessage(reason))
            #expect(try Envelope(decoding: bytes).decode(ReturnMessage.self).reason == reason)
        }
        for requestClass in RequestClass.allCases {
            var message = Samples.requestMessage
            message.requestClass = requestClass
            let bytes = try Envelope.encode(Samples.header(.request), message)
            #expect(try Envelope(decoding: bytes).decode(RequestMessage.self).requestClass == requestClass)
            #expect(RequestClass(name: requestClass.description) == requestClass)
        }
        #expect(RequestClass(name: "Safe") == nil)
    }

    @Test("more services than a connector may offer are refused")
    func tooManyServices() throws {
        var beat = Samples.beat
        beat.services = Array(repeating: ServiceOffer("s"), count: RelayLimits.services)
        let bytes = try Envelope.encode(Samples.header(.beat), beat)
        #expect(try Envelope(decoding: bytes).decode(BeatMessage.self).services.count == RelayLimits.services)
        beat.services.append(ServiceOffer("s"))
        let tooMany = try Envelope.encode(Samples.header(.beat), beat)
        #expect(throws: RelayFormatError(.tooLarge, in: "services")) {
            try Envelope(decoding: tooMany).decode(BeatMessage.self)
        }
    }

    @Test("text that is too long for its length field is not written")
    func longText() {
        var beat = Samples.beat
        beat.name = String(repeating: "n", count: 65_536)
        #expect(throws: RelayFormatError(.tooLarge, in: "name")) {
            try Envelope.encode(Samples.header(.beat), beat)
        }
    }

    @Test("text that is not UTF-8 is refused")
    func malformedText() throws {
        var bytes = try Envelope.encode(Samples.header(.beat), Samples.beat)
        // role 1, readiness 1, boot number 8, length 2, then "s" and the two bytes of "ö".
        bytes[128 + 13] = 0xff
        #expect(throws: RelayFormatError(.malformedText, in: "name")) {
            try Envelope(decoding: bytes).decode(BeatMessage.self)
        }
    }
}
