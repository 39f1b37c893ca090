import EnrollmentProtocol
import Foundation
import HTTPTypes
import HTTPProblems
import Testing

/// What the API answered.
struct Answer: Sendable {
    let status: Int
    let headers: HTTPFields
    let body: Data

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The code of the problem; nil for anything else.
    var problem: EnrollmentProblem? {
        guard let details = try? JSONDecoder().decode(ProblemDetails.self, from: body), details.status == status,
            headers[.contentType] == ProblemDetails.mediaType
        else { return nil }
        return EnrollmentProblem(rawValue: details.code)
    }

    /// The message, of an answer with the given status.
    func message<Message: Decodable>(
        _ type: Message.Type = Message.self, status expected: Int = 200,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Message {
        try #require(status == expected, "\(text)", sourceLocation: sourceLocation)
        return try EnrollmentJSON.decode(type, from: body)
    }
}
