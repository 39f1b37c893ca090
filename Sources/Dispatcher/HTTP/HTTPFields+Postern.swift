internal import DispatcherProtocol
internal import HTTPTypes
internal import Hummingbird

extension HTTPField.Name {
    private static func postern(_ name: String) -> Self {
        guard let field = Self(name) else { preconditionFailure("the names are tokens") }
        return field
    }

    static let posternDeadline = postern(RelayHeaders.deadline)
    static let posternClass = postern(RelayHeaders.requestClass)
    static let posternAPIKey = postern(RelayHeaders.apiKey)
    static let posternRequestID = postern(RelayHeaders.requestID)
    static let posternConnector = postern(RelayHeaders.connector)
    static let posternAttempt = postern(RelayHeaders.attempt)
    static let posternForwarded = postern(RelayHeaders.forwarded)
    static let idempotencyKey = postern("Idempotency-Key")
    static let prefer = postern("Prefer")
    static let preferenceApplied = postern("Preference-Applied")
}

extension Request {
    /// The API key, from its own field or as a Bearer token (RFC 6750 section 2.1).
    var apiKey: String? {
        if let key = headers[.posternAPIKey] { return key }
        guard let value = headers[.authorization] else { return nil }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }
}

extension Error {
    /// What a decoding error says, without the parts that only a debugger wants.
    var briefly: String {
        switch self as any Error {
        case DecodingError.keyNotFound(let key, _): "\"\(key.stringValue)\" is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            "\"\(context.codingPath.map(\.stringValue).joined(separator: "."))\" is of the wrong type"
        case DecodingError.dataCorrupted: "it is not JSON"
        default: "it cannot be read"
        }
    }
}
