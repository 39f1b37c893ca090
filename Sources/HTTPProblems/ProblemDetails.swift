/// An error of an HTTP API as RFC 9457 `application/problem+json`.
public struct ProblemDetails: Error, Codable, Sendable, Equatable, CustomStringConvertible {
    /// The media type of the encoded form.
    public static let mediaType = "application/problem+json"
    /// What stands before the code in `type`.
    public static let typePrefix = "urn:postern:problem:"

    /// `typePrefix` and the code: stable, for programs.
    public var type: String
    /// One sentence that is the same for every occurrence of the type.
    public var title: String
    /// The HTTP status.
    public var status: Int
    /// What happened this time and what to do about it, for people.
    public var detail: String
    /// The request id under which the logs know this occurrence.
    public var instance: String?
    /// Whether the same request may succeed later.
    public var retryable: Bool
    /// After how many seconds it is worth trying again.
    public var retryAfter: Int?

    /// Makes a problem.
    public init(
        code: String, title: String, status: Int, detail: String, instance: String? = nil, retryable: Bool = false,
        retryAfter: Int? = nil
    ) {
        type = Self.typePrefix + code
        self.title = title
        self.status = status
        self.detail = detail
        self.instance = instance
        self.retryable = retryable
        self.retryAfter = retryAfter
    }

    /// The stable code at the end of `type`.
    public var code: String {
        type.hasPrefix(Self.typePrefix) ? String(type.dropFirst(Self.typePrefix.count)) : type
    }

    public var description: String { "\(code) (\(status)): \(detail)" }

    enum CodingKeys: String, CodingKey {
        case type, title, status, detail, instance, retryable
        case retryAfter = "retry_after"
    }
}
