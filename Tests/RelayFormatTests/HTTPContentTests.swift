import RelayFormat
import Testing

@Suite("Relayed HTTP")
struct HTTPContentTests {
    private func pass(_ change: (inout HTTPRequestContent) -> Void) throws {
        var content = Samples.httpRequest
        change(&content)
        var message = Samples.requestMessage
        message.operation = .http(content)
        let bytes = try Envelope.encode(Samples.header(.request), message)
        _ = try Envelope(decoding: bytes).decode(RequestMessage.self)
        try content.validate()
    }

    private func passBack(_ change: (inout HTTPResponseContent) -> Void) throws {
        var content = Samples.httpResponse
        change(&content)
        let bytes = try Envelope.encode(Samples.header(.response), ResponseMessage(.http(content)))
        _ = try Envelope(decoding: bytes).decode(ResponseMessage.self)
    }

    @Test(
        "a method is a token",
        arguments: ["", "GET ", "GET\r\nHost: x", "G/T", "GÉT", "GET\0", "\"GET\"", "G T"])
    func methods(method: String) {
        #expect(throws: RelayFormatError(.malformedText, in: "method")) { try pass { $0.method = method } }
    }

    @Test("unusual methods pass as they are", arguments: ["PROPFIND", "get", "M-SEARCH", "x!#$%&'*+-.^_`|~"])
    func unusualMethods(method: String) throws {
        try pass { $0.method = method }
    }

    @Test(
        "a target that could end the request line is refused",
        arguments: [
            "", "x", "http://other/", "*", "/a b", "/a\r\nX: y", "/a\n", "/\t", "/\0", "/\u{7f}", "?x",
        ])
    func targets(target: String) {
        #expect(throws: RelayFormatError(.malformedText, in: "target")) { try pass { $0.target = target } }
    }

    @Test("a target has a limit")
    func longTarget() throws {
        let fitting = "/" + String(repeating: "a", count: RelayLimits.requestTarget - 1)
        try pass { $0.target = fitting }
        #expect(throws: RelayFormatError(.tooLarge, in: "target")) { try pass { $0.target = fitting + "a" } }
    }

    @Test(
        "a header value that could start another field is refused, both ways",
        arguments: ["a\r\nX-Injected: 1", "a\nb", "a\rb", "\0", "a\u{1}", "a\u{7f}", "\u{1b}[2J"])
    func headerValues(value: String) {
        let error = RelayFormatError(.malformedText, in: "header value")
        #expect(throws: error) { try pass { $0.headers.append(.init("X", value)) } }
        #expect(throws: error) { try passBack { $0.headers.append(.init("X", value)) } }
    }

    @Test(
        "a header name is a token, both ways",
        arguments: ["", "X Y", "X:", "X\r\nY", "Ü", "X\0", "(X)"])
    func headerNames(name: String) {
        let error = RelayFormatError(.malformedText, in: "header name")
        #expect(throws: error) { try pass { $0.headers.append(.init(name, "v")) } }
        #expect(throws: error) { try passBack { $0.headers.append(.init(name, "v")) } }
    }

    @Test("tabs, spaces and other languages may stand in a value", arguments: ["a\tb", "a b", "grüße", "", "日本"])
    func harmlessValues(value: String) throws {
        try pass { $0.headers.append(.init("X", value)) }
        try passBack { $0.headers.append(.init("X", value)) }
    }

    @Test("all header fields together have a limit, both ways")
    func headerSize() throws {
        let fields = (0..<32).map { HTTPHeaderField("X-\($0)", String(repeating: "v", count: 1000)) }
        try pass { $0.headers = fields }
        try passBack { $0.headers = fields }
        let more = fields + [HTTPHeaderField("Y", String(repeating: "v", count: 1000))]
        #expect(throws: RelayFormatError(.tooLarge, in: "headers")) { try pass { $0.headers = more } }
        #expect(throws: RelayFormatError(.tooLarge, in: "headers")) { try passBack { $0.headers = more } }
    }

    @Test("a body of 256 KiB fits and one byte more does not, both ways")
    func bodySize() throws {
        let full = [UInt8](repeating: 0x61, count: RelayLimits.inlineBody)
        try pass { $0.body = full[...] }
        try passBack { $0.body = full[...] }
        #expect(throws: RelayFormatError(.tooLarge, in: "body")) { try pass { $0.body = (full + [0])[...] } }
        #expect(throws: RelayFormatError(.tooLarge, in: "body")) { try passBack { $0.body = (full + [0])[...] } }
    }

    @Test("the largest request fits into the largest message")
    func largestMessage() throws {
        var content = Samples.httpRequest
        content.target = "/" + String(repeating: "a", count: RelayLimits.requestTarget - 1)
        content.headers = (0..<100).map { HTTPHeaderField("X", String(repeating: "v", count: 320 + $0 / 100)) }
        content.body = [UInt8](repeating: 0, count: RelayLimits.inlineBody)[...]
        var message = Samples.requestMessage
        message.operation = .http(content)
        #expect(try Envelope.encode(Samples.header(.request), message).count <= RelayLimits.message)
    }

    @Test("a status is 200 to 599", arguments: [UInt16(0), 99, 100, 101, 199, 600, 999, .max])
    func statuses(status: UInt16) {
        #expect(throws: RelayFormatError(.unknownValue, in: "status")) { try passBack { $0.status = status } }
    }

    @Test("a service name has a limit")
    func serviceName() throws {
        var message = Samples.requestMessage
        message.service = String(repeating: "s", count: RelayLimits.serviceName + 1)
        let bytes = try Envelope.encode(Samples.header(.request), message)
        #expect(throws: RelayFormatError(.tooLarge, in: "service")) {
            try Envelope(decoding: bytes).decode(RequestMessage.self)
        }
    }

    @Test("fields of the connection are not relayed, nor those that Connection names")
    func endToEnd() {
        let fields: [HTTPHeaderField] = [
            .init("Connection", "close, X-Secret ,x-other"), .init("Keep-Alive", "timeout=5"), .init("TE", "trailers"),
            .init("Transfer-Encoding", "chunked"), .init("Upgrade", "h2c"), .init("Trailer", "X"),
            .init("Proxy-Authorization", "Basic eA=="), .init("Proxy-Authenticate", "Basic"),
            .init("Proxy-Connection", "close"), .init("x-secret", "1"), .init("X-Other", "2"), .init("X-Kept", "3"),
            .init("Set-Cookie", "a"), .init("Set-Cookie", "b"),
        ]
        #expect(
            HTTPHeaderField.endToEnd(fields) == [
                .init("X-Kept", "3"), .init("Set-Cookie", "a"), .init("Set-Cookie", "b"),
            ])
    }

    @Test(
        "names compare without regard to case, and only letters have one",
        arguments: [
            ("Connection", "connection", true), ("CONNECTION", "connection", true), ("Connectio", "connection", false),
            ("X-A", "x-a", true), ("X\u{0D}A", "x-a", false), ("x@", "x`", false), ("X", "y", false),
        ])
    func names(name: String, lowercased: String, isSame: Bool) {
        #expect(HTTPHeaderField(name, "").isNamed(lowercased) == isSame)
    }
}
