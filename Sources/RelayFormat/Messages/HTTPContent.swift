/// One field of an HTTP message, in the order in which it stood.
public struct HTTPHeaderField: Sendable, Equatable {
    /// The field name, as it stood.
    public var name: String
    /// The field value, as it stood.
    public var value: String

    /// Makes a field.
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// An HTTP request as it is relayed: end-to-end fields and an inline body.
public struct HTTPRequestContent: MessageBody, Equatable {
    /// The method, in its own case.
    public var method: String
    /// Path and query; begins with a slash.
    public var target: String
    /// End-to-end fields.
    public var headers: [HTTPHeaderField]
    /// The body, at most `RelayLimits.inlineBody` bytes.
    public var body: ArraySlice<UInt8>

    /// Makes a request.
    public init(method: String, target: String, headers: [HTTPHeaderField], body: ArraySlice<UInt8>) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
    }

    public var encodedSizeHint: Int { 512 + body.count }

    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {
        try writer.write(text: method, field: "method")
        try writer.write(text: target, field: "target")
        try HTTPHeaderField.encode(headers, into: &writer)
        writer.write(block: body)
    }

    public init(from reader: inout ByteReader) throws(RelayFormatError) {
        method = try reader.readText(field: "method")
        target = try reader.readText(field: "target")
        headers = try HTTPHeaderField.decode(from: &reader)
        body = try reader.readBlock(field: "body")
        try validate()
    }

    /// Checks that the parts can stand in an HTTP message and smuggle nothing into it (RFC 9110 sections 5.5, 9.1).
    public func validate() throws(RelayFormatError) {
        guard method.utf8.allSatisfy(\.isTokenCharacter), !method.isEmpty else {
            throw RelayFormatError(.malformedText, in: "method")
        }
        guard target.hasPrefix("/"), target.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
            throw RelayFormatError(.malformedText, in: "target")
        }
        guard target.utf8.count <= RelayLimits.requestTarget else { throw RelayFormatError(.tooLarge, in: "target") }
        try HTTPHeaderField.validate(headers)
        guard body.count <= RelayLimits.inlineBody else { throw RelayFormatError(.tooLarge, in: "body") }
    }
}

/// An HTTP response as it is relayed: end-to-end fields and an inline body.
public struct HTTPResponseContent: MessageBody, Equatable {
    /// The status code, 200 to 599.
    public var status: UInt16
    /// End-to-end fields.
    public var headers: [HTTPHeaderField]
    /// The body, at most `RelayLimits.inlineBody` bytes.
    public var body: ArraySlice<UInt8>

    /// Makes a response.
    public init(status: UInt16, headers: [HTTPHeaderField], body: ArraySlice<UInt8>) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    public var encodedSizeHint: Int { 512 + body.count }

    public func encode(into writer: inout ByteWriter) throws(RelayFormatError) {
        writer.write(status)
        try HTTPHeaderField.encode(headers, into: &writer)
        writer.write(block: body)
    }

    public init(from reader: inout ByteReader) throws(RelayFormatError) {
        status = try reader.read(field: "status")
        guard (200..<600).contains(status) else { throw RelayFormatError(.unknownValue, in: "status") }
        headers = try HTTPHeaderField.decode(from: &reader)
        try HTTPHeaderField.validate(headers)
        body = try reader.readBlock(field: "body")
        guard body.count <= RelayLimits.inlineBody else { throw RelayFormatError(.tooLarge, in: "body") }
    }
}

extension HTTPHeaderField {
    static func encode(_ fields: [HTTPHeaderField], into writer: inout ByteWriter) throws(RelayFormatError) {
        try writer.write(count: fields.count, field: "headers")
        for field in fields {
            try writer.write(text: field.name, field: "header name")
            try writer.write(text: field.value, field: "header value")
        }
    }

    static func decode(from reader: inout ByteReader) throws(RelayFormatError) -> [HTTPHeaderField] {
        let count = try reader.readCount(minimumSize: 4, field: "headers")
        var fields: [HTTPHeaderField] = []
        fields.reserveCapacity(count)
        for _ in 0..<count {
            let name = try reader.readText(field: "header name")
            fields.append(HTTPHeaderField(name, try reader.readText(field: "header value")))
        }
        return fields
    }

    static func validate(_ fields: [HTTPHeaderField]) throws(RelayFormatError) {
        var size = 0
        for field in fields {
            guard !field.name.isEmpty, field.name.utf8.allSatisfy(\.isTokenCharacter) else {
                throw RelayFormatError(.malformedText, in: "header name")
            }
            guard field.value.utf8.allSatisfy({ $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7f) }) else {
                throw RelayFormatError(.malformedText, in: "header value")
            }
            size += field.name.utf8.count + field.value.utf8.count
        }
        guard size <= RelayLimits.httpHeaders else { throw RelayFormatError(.tooLarge, in: "headers") }
    }
}

extension UInt8 {
    /// Whether the byte may stand in a token (RFC 9110 section 5.6.2).
    var isTokenCharacter: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default:
            "!#$%&'*+-.^_`|~".utf8.contains(self)
        }
    }
}
