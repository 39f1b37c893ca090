internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import HTTPProblems

/// Turns whatever a handler throws into a problem that says what the client can do, and nothing of what is inside.
struct ProblemMiddleware: RouterMiddleware {
    /// What Hummingbird names the endpoint of a request that no route takes.
    static let noEndpoint = "NotFound"

    func handle(
        _ request: Request, context: PortContext, next: @concurrent (Request, PortContext) async throws -> Response
    ) async throws -> Response {
        if context.isProbe { return Response(status: context.endpointPath == nil ? .notFound : .noContent) }
        do {
            return try await next(request, context)
        } catch let error as ProblemResponse {
            throw error
        } catch let error as HTTPParserError {
            // The connection answers a malformed body itself.
            throw error
        } catch {
            let problem = problem(for: error, context: context)
            return try ProblemResponse(problem).response(from: request, context: context)
        }
    }

    private func problem(for error: any Error, context: PortContext) -> ProblemDetails {
        switch error {
        case let problem as ProblemDetails: return problem
        case is RequestTooSlow: return .requestTimeout
        case is NIOTooManyBytesError: return .payloadTooLarge(limit: nil)
        case let error as any HTTPResponseError where error.status.kind == .clientError:
            return .refused(status: error.status)
        default:
            context.logger.error("Request failed", metadata: ["error": "\(error)"])
            return .internalError
        }
    }
}
