import RelayFormat
import Testing

@Suite("A bundle of messages")
struct MessageBundleTests {
    private static let elements: [MessageBundle.Element] = [
        (1, Samples.request, [1, 2, 3]), (.max, RequestID(high: 1, low: 2), []),
        (7, Samples.request, [UInt8](repeating: 9, count: 1000)),
    ]

    private static func bundle(_ count: Int) -> Envelope {
        var header = Samples.header(.response)
        (header.isBundle, header.attempt, header.correlation) = (true, 0, .none)
        return Envelope(header: header, body: MessageBundle.body(of: Array(elements.prefix(count)))[...])
    }

    @Test("gives each message a header of its own, in their order", arguments: 1...3)
    func takenApart(count: Int) throws {
        let bundle = Self.bundle(count)
        let messages = try bundle.unbundled()
        #expect(messages.count == count)
        #expect(bundle.body.count == messages.reduce(0) { $0 + MessageBundle.overhead + $1.body.count })
        for (message, element) in zip(messages, Self.elements) {
            var header = bundle.header
            (header.isBundle, header.attempt, header.correlation) = (false, element.attempt, element.correlation)
            #expect(message == Envelope(header: header, body: element.body[...]))
        }
    }

    @Test("is refused when it is empty, or ends within a message")
    func cutShort() throws {
        let whole = Self.bundle(2)
        let boundary = MessageBundle.overhead + 3
        for count in 0..<whole.body.count where count != boundary {
            #expect(throws: RelayFormatError.self) {
                try Envelope(header: whole.header, body: whole.body.prefix(count)).unbundled()
            }
        }
        #expect(try Envelope(header: whole.header, body: whole.body.prefix(boundary)).unbundled().count == 1)
    }

    @Test("is told from a single message by its header alone")
    func flag() throws {
        let single = Envelope(header: Samples.header(.response), body: [1, 2, 3])
        #expect(try single.unbundled() == [single])
        for header in [single.header, Self.bundle(1).header] {
            var writer = ByteWriter()
            header.encode(into: &writer)
            let bytes = writer.finish()
            #expect(bytes[6...7] == [0, header.isBundle ? 1 : 0])
            #expect(try Envelope(decoding: bytes).header == header)
        }
    }
}
