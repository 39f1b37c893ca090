import NIOCore
import TestTools
import Testing

@testable import BrokerLink

@Suite("Changed frames of the link, by the thousand")
struct LinkFuzzTests {
    private func fuzz<Message: LinkMessage>(_ name: String, _ messages: [Message]) {
        // Each alone, and several in one frame.
        let frames = messages.map { LinkFrame.pack([$0]) } + [LinkFrame.pack(messages)]
        let valid = frames.flatMap { $0 }.map { Array($0.frame.readableBytesView) }.filter { $0.count < 1000 }
        let outcome = Fuzzing.run(name, valid: valid) { bytes in
            guard let read = try? LinkFrame.unpack(ByteBuffer(bytes: bytes), as: Message.self) else { return false }
            let again = LinkFrame.pack(read).flatMap { (try? LinkFrame.unpack($0.frame, as: Message.self)) ?? [] }
            if again != read { Issue.record("\(name) reads \(bytes) as something else") }
            return true
        }
        #expect(outcome.taken > 0 && outcome.refused > 0)
    }

    @Test("what a client says") func client() {
        fuzz("link, client", LinkMessageTests.client.filter { $0.cost < 1000 })
    }

    @Test("what a server says") func server() {
        fuzz("link, server", LinkMessageTests.server.filter { $0.cost < 1000 })
    }
}
