internal import Foundation
public import HTTPTypes
public import Hummingbird
public import HTTPProblems

/// Answers a request with a problem; thrown by handlers and middleware.
public struct ProblemResponse: HTTPResponseError {
    /// The problem.
    public var problem: ProblemDetails
    /// Fields beside those that the problem implies.
    public var headers: HTTPFields

    /// Makes an answer of a problem.
    public init(_ problem: ProblemDetails, headers: HTTPFields = [:]) {
        self.problem = problem
        self.headers = headers
    }

    public var status: HTTPResponse.Status { HTTPResponse.Status(code: problem.status) }

    public func response(from request: Request, context: some RequestContext) throws -> Response {
        var problem = problem
        problem.instance = problem.instance ?? (context as? PortContext)?.requestID
        var headers = headers
        headers[.contentType] = ProblemDetails.mediaType
        headers[.cacheControl] = "no-store"
        if let seconds = problem.retryAfter { headers[.retryAfter] = String(seconds) }
        if problem.status == 401, headers[.wwwAuthenticate] == nil { headers[.wwwAuthenticate] = "Bearer" }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let body = try encoder.encode(problem)
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}
