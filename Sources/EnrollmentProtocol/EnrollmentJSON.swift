public import Foundation

/// A request of the API: it names its fields, so that one more is refused instead of ignored.
public protocol EnrollmentRequest: Codable, Sendable {
    /// Every field that the request may have.
    static var fields: [String] { get }
}

/// The JSON of the enrollment API: RFC 3339 times, sorted keys, strict reading of requests.
public enum EnrollmentJSON {
    /// Writes a message.
    public static func encode(_ message: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            try container.encode(RFC3339.text(of: date))
        }
        return try encoder.encode(message)
    }

    /// Reads an answer; fields that it does not know are left to newer readers.
    public static func decode<Message: Decodable>(
        _ type: Message.Type = Message.self, from data: Data
    ) throws(EnrollmentProtocolError) -> Message {
        do {
            return try decoder().decode(type, from: data)
        } catch {
            throw reason(for: error)
        }
    }

    /// Reads a request and refuses fields that it does not have, and null in those that it has.
    public static func decodeStrictly<Request: EnrollmentRequest>(
        _ type: Request.Type = Request.self, from data: Data
    ) throws(EnrollmentProtocolError) -> Request {
        let names: [String: AnyField]
        do {
            names = try JSONDecoder().decode([String: AnyField].self, from: data)
        } catch {
            throw EnrollmentProtocolError(.malformedJSON, "The body is not a JSON object.")
        }
        if let unknown = names.keys.filter({ !type.fields.contains($0) }).min() {
            let name = String(unknown.prefix(64))
            throw EnrollmentProtocolError(.unknownField, "The request has no field “\(name)”.", field: name)
        }
        // An optional field would take null for absent; the description does not, and so nobody shall rely on it.
        if let empty = names.filter({ $0.value.isNull }).keys.min() {
            throw EnrollmentProtocolError(
                .invalidField, "The field “\(empty)” cannot be null; leave it out.", field: empty)
        }
        return try decode(type, from: data)
    }

    private static func decoder() -> JSONDecoder {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom { decoder in
            let container = try decoder.singleValueContainer()
            guard let date = RFC3339.date(from: try container.decode(String.self)) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an RFC 3339 time")
            }
            return date
        }
        return decoder
    }

    private static func reason(for error: any Error) -> EnrollmentProtocolError {
        switch error {
        case DecodingError.keyNotFound(let key, let context):
            let field = name(of: context.codingPath + [key])
            return EnrollmentProtocolError(.invalidField, "The field “\(field)” is missing.", field: field)
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            guard !context.codingPath.isEmpty else {
                return EnrollmentProtocolError(.malformedJSON, "The body is not a JSON object.")
            }
            let field = name(of: context.codingPath)
            return EnrollmentProtocolError(.invalidField, "The field “\(field)” cannot be read.", field: field)
        default:
            return EnrollmentProtocolError(.malformedJSON, "The body is not a JSON object.")
        }
    }

    private static func name(of path: [any CodingKey]) -> String {
        path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }

    /// Any value: only its name matters, and whether it is there.
    private struct AnyField: Decodable {
        let isNull: Bool
        init(from decoder: any Decoder) throws { isNull = try decoder.singleValueContainer().decodeNil() }
    }
}
