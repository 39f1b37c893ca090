internal import EnrollmentProtocol
internal import Foundation
public import HTTPProblems

/// An answer of a tenant, as it came.
public struct TenantResponse: Sendable {
    /// The HTTP status.
    public var status: Int
    /// The fields, in the order in which they came.
    public var headers: [(name: String, value: String)]
    /// The body, bounded by the request's limit.
    public var body: [UInt8]

    /// The value of the first field of a name.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// The server's clock, where it says it (RFC 9110 section 6.6.1).
    var date: Date? { header("date").flatMap(Self.date) }

    /// Reads a field `Date`.
    static func date(_ field: String) -> Date? {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(identifier: "GMT")
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return format.date(from: field)
    }

    /// What went wrong; nil if the status says that nothing did.
    public var problem: ProblemDetails? {
        guard status >= 400 else { return nil }
        if let known = try? JSONDecoder().decode(ProblemDetails.self, from: Data(body)) { return known }
        return ProblemDetails(
            code: "http-\(status)", title: "The server answered with an error.", status: status,
            detail: "The server answered \(status) without saying why in Postern's way.", retryable: status >= 500)
    }
}
