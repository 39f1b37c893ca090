internal import Crypto
internal import HTTPTypes
internal import Hummingbird
internal import RelayFormat

/// A caller's own name for a request: whatever comes under the same key is the same request.
struct IdempotencyKey: Sendable, Equatable {
    /// The longest key in bytes.
    static let limit = 255

    /// The key itself, without quotes.
    let text: String

    /// Takes a key as JSON has it.
    ///
    /// - Throws: a `malformed-request` problem for one that is empty, too long or not printable.
    init(_ text: String) throws {
        guard !text.isEmpty, text.utf8.count <= Self.limit, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) else {
            throw RelayAnswer.malformed("an idempotency key has 1 to \(Self.limit) printable ASCII characters")
        }
        self.text = text
    }

    /// Takes the key of a header field, quoted or not; nil where there is none.
    init?(of request: Request) throws {
        guard let value = request.headers[.idempotencyKey] else { return nil }
        let isQuoted = value.count >= 2 && value.hasPrefix("\"") && value.hasSuffix("\"")
        try self.init(isQuoted ? String(value.dropFirst().dropLast()) : value)
    }

    /// Hands the key on to the service, unless the request has the field already.
    func added(to content: HTTPRequestContent) -> HTTPRequestContent {
        guard !content.headers.contains(where: { $0.isNamed("idempotency-key") }) else { return content }
        var content = content
        let escaped = text.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] }
        content.headers.append(HTTPHeaderField("Idempotency-Key", "\"" + String(escaped) + "\""))
        return content
    }

    /// The digest of what makes two requests the same: whom they ask what, not how they are dressed.
    static func fingerprint(group: GroupID, service: String, content: HTTPRequestContent) -> [UInt8] {
        let type = content.headers.first { $0.isNamed("content-type") }?.value ?? ""
        var writer = ByteWriter(capacity: content.encodedSizeHint)
        writer.write(group)
        for part in [service, content.method, content.target, type] { writer.write(block: Array(part.utf8)) }
        writer.write(block: content.body)
        return Array(SHA256.hash(data: writer.finish()))
    }
}
