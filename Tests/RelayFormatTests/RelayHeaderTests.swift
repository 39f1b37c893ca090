import RelayFormat
import Testing

@Suite("The header of a message")
struct RelayHeaderTests {
    private func encoded(_ kind: MessageKind = .request) -> [UInt8] {
        var writer = ByteWriter()
        Samples.header(kind).encode(into: &writer)
        return writer.finish()
    }

    private func decode(_ bytes: [UInt8]) throws -> RelayHeader {
        var reader = ByteReader(bytes[...])
        return try RelayHeader(from: &reader)
    }

    @Test("it is 128 bytes long, each field where the protocol puts it")
    func layout() {
        let bytes = encoded()
        #expect(bytes.count == 128)
        #expect(RelayHeader.size == 128)
        #expect(Array(bytes[0..<4]) == Array("PST1".utf8))
        #expect(bytes[4] == 1)
        #expect(bytes[5] == 0)
        #expect(Array(bytes[6..<8]) == [0, 0])
        #expect(Array(bytes[8..<24]) == Array(0x01...0x10), "tenant")
        #expect(Array(bytes[24..<40]) == Array(0x11...0x20), "group")
        #expect(Array(bytes[40..<44]) == Array(0x6d...0x70), "epoch")
        #expect(Array(bytes[44..<48]) == Array(0x61...0x64), "attempt")
        #expect(Array(bytes[48..<64]) == Array(0x21...0x30), "sender")
        #expect(Array(bytes[64..<80]) == Array(0x31...0x40), "boot")
        #expect(Array(bytes[80..<88]) == Array(0x65...0x6c), "sequence")
        #expect(Array(bytes[88..<104]) == Array(0x41...0x50), "message")
        #expect(Array(bytes[104..<120]) == Array(0x51...0x60), "correlation")
        #expect(Array(bytes[120..<128]) == Array(0x71...0x78), "issued-at")
    }

    @Test("it reads as it was written", arguments: MessageKind.allCases)
    func roundTrip(kind: MessageKind) throws {
        #expect(try decode(encoded(kind)) == Samples.header(kind))
    }

    @Test("the numbers of the kinds never change")
    func kinds() {
        let numbers = MessageKind.allCases.map(\.rawValue).sorted()
        #expect(numbers == [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 18, 19, 20, 21, 22, 32])
        #expect(MessageKind(rawValue: 16) == .accepted)
        #expect(MessageKind(rawValue: 17) == .return)
        #expect(MessageKind(rawValue: 18) == .response)
        #expect(MessageKind(rawValue: 32) == .beat)
    }

    @Test(
        "what this version does not know is refused, and the field is named",
        arguments: [
            (0, UInt8(0x51), RelayFormatError(.foreign, in: "magic")),
            (3, 0x32, RelayFormatError(.foreign, in: "magic")),
            (4, 0, RelayFormatError(.unknownValue, in: "kind")), (4, 99, RelayFormatError(.unknownValue, in: "kind")),
            (5, 3, RelayFormatError(.unknownValue, in: "suite")),
            (6, 0x80, RelayFormatError(.unknownValue, in: "flags")),
            (7, 2, RelayFormatError(.unknownValue, in: "flags")),
        ])
    func refusals(position: Int, value: UInt8, error: RelayFormatError) {
        var bytes = encoded()
        bytes[position] = value
        #expect(throws: error) { try decode(bytes) }
    }

    @Test("fewer than 128 bytes are no header", arguments: [0, 1, 4, 64, 127])
    func truncated(count: Int) {
        #expect(throws: RelayFormatError.self) { try Envelope(decoding: Array(encoded().prefix(count))) }
    }

    @Test("a header alone is a message with an empty body")
    func emptyBody() throws {
        let envelope = try Envelope(decoding: encoded(.ping))
        #expect(envelope.body.isEmpty)
        _ = try envelope.decode(EmptyMessage.self)
    }
}
