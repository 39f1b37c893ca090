import RelayFormat
import TestTools
import Testing

@Suite("Changed messages, by the thousand")
struct MessageFuzzTests {
    /// Reads changed bodies: each is refused, or is exactly what its reading would write.
    private func fuzz<Body: MessageBody & Equatable>(_ name: String, _ bodies: [Body]) throws {
        let valid = try bodies.map { body in
            var writer = ByteWriter()
            try body.encode(into: &writer)
            return writer.finish()
        }
        let outcome = try Fuzzing.run(name, valid: valid) { bytes in
            var reader = ByteReader(bytes[...])
            guard let body = try? Body(from: &reader) else { return false }
            let count = bytes.count - reader.remaining
            var writer = ByteWriter()
            try body.encode(into: &writer)
            if writer.bytes != Array(bytes.prefix(count)) { Issue.record("\(name) reads \(bytes) as something else") }
            return true
        }
        #expect(outcome.taken > 0 && (outcome.refused > 0 || valid == [[]]))
    }

    @Test("the header")
    func header() throws {
        let valid = MessageKind.allCases.map { kind in
            var writer = ByteWriter()
            Samples.header(kind).encode(into: &writer)
            return writer.finish()
        }
        let outcome = Fuzzing.run("RelayHeader", valid: valid) { bytes in
            var reader = ByteReader(bytes[...])
            guard let header = try? RelayHeader(from: &reader) else { return false }
            var writer = ByteWriter()
            header.encode(into: &writer)
            if writer.bytes != Array(bytes.prefix(RelayHeader.size)) { Issue.record("\(bytes)") }
            return true
        }
        #expect(outcome.taken > 0 && outcome.refused > 0)
    }

    @Test("whole messages, each read as what its header says")
    func messages() throws {
        let valid = try Samples.all().map(\.bytes)
        let outcome = Fuzzing.run("Envelope", valid: valid) { bytes in
            (try? Samples.readLikeAReceiver(bytes)) != nil
        }
        #expect(outcome.taken > 0 && outcome.refused > 0)
    }

    @Test("the body of REQUEST") func request() throws { try fuzz("REQUEST", [Samples.requestMessage]) }
    @Test("the body of RESPONSE") func response() throws {
        try fuzz(
            "RESPONSE",
            [
                ResponseMessage(.http(Samples.httpResponse)),
                ResponseMessage(.failed(RequestFailure(.targetUnreachable, "connection refused"))),
            ])
    }
    @Test("a bundle") func bundle() {
        var header = Samples.header(.response)
        header.isBundle = true
        let valid = [
            MessageBundle.body(of: [(1, Samples.request, [1, 2, 3])]),
            MessageBundle.body(of: [(1, .none, []), (.max, Samples.request, [9])]),
        ]
        let outcome = Fuzzing.run("bundle", valid: valid) { bytes in
            guard let messages = try? Envelope(header: header, body: bytes[...]).unbundled() else { return false }
            let again = MessageBundle.body(
                of: messages.map { ($0.header.attempt, $0.header.correlation, Array($0.body)) })
            if again != bytes { Issue.record("a bundle reads \(bytes) as something else") }
            return true
        }
        #expect(outcome.taken > 0 && outcome.refused > 0)
    }
    @Test("the body of BEAT") func beat() throws { try fuzz("BEAT", [Samples.beat]) }
    @Test("the body of ACCEPTED, GRANT and ASK") func dispatches() throws {
        try fuzz("ACCEPTED, GRANT, ASK", [DispatchListMessage(Samples.dispatches), DispatchListMessage([])])
    }
    @Test("the body of CLAIM") func claim() throws {
        try fuzz("CLAIM", [ClaimMessage(zip(Samples.dispatches, [.once, .safe]).map { .init($0, as: $1) })])
    }
    @Test("the body of KNOWN") func known() throws {
        try fuzz("KNOWN", [KnownMessage(KnownMessage.Knowledge.allCases.map { .init(Samples.dispatches[0], $0) })])
    }
    @Test("the body of CANCEL") func cancel() throws {
        try fuzz("CANCEL", [CancelMessage(Samples.dispatches, mode: .unwanted)])
    }
    @Test("the body of GOAWAY") func goAway() throws {
        try fuzz("GOAWAY", [GoAwayMessage(.pause, until: RelayTime(milliseconds: 9), note: "moving house")])
    }
    @Test("the body of RETURN") func `return`() throws { try fuzz("RETURN", [ReturnMessage(.busy)]) }
    @Test("the body of RECEIPT") func receipt() throws {
        try fuzz("RECEIPT", [ReceiptMessage([Samples.request, .none])])
    }
    @Test("the body of INVITE") func invite() throws {
        try fuzz("INVITE", [InviteMessage(now: RelayTime(milliseconds: 5), bootNumber: 3)])
    }
    @Test("identifiers as text") func identifiers() {
        let valid = [Samples.tenant, .none, TenantID(high: .max, low: .max)].map { Array($0.description.utf8) }
        Fuzzing.run("Identifier", valid: valid) { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            guard let identifier = TenantID(text) else { return false }
            if identifier.description != text { Issue.record("\(text)") }
            return true
        }
    }
}
