internal import Hummingbird
internal import TenantPort

/// Answers those who are not let in, and has it noted; stands around every route of the dispatcher.
struct RefusalMiddleware: RouterMiddleware {
    let audit: DispatcherAudit?

    func handle(
        _ request: Request, context: PortContext, next: @concurrent (Request, PortContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let refusal as GateRefusal {
            audit?.note(refusal, request.method.rawValue, request.uri.path, context)
            throw refusal.response
        }
    }
}
