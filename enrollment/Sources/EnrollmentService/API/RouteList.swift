internal import EnrollmentProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import MachineIdentity
internal import HTTPProblems
internal import TenantPort

/// The routes of the API, each behind the same door: refusals become problems and are logged once.
struct RouteList {
    struct Route: Sendable {
        let method: HTTPRequest.Method
        let path: String
        let handler: @Sendable (Call) async throws -> Response
    }

    private(set) var routes: [Route] = []

    mutating func add(
        _ method: HTTPRequest.Method, _ path: String, _ handler: @escaping @Sendable (Call) async throws -> Response
    ) {
        routes.append(Route(method: method, path: path, handler: handler))
    }

    func register(on router: Router<PortContext>, behind door: ServiceDoor, now: @escaping @Sendable () -> Date) {
        for route in routes {
            let kind = AuditedRoute(route.method, route.path)
            router.on(RouterPath(route.path), method: route.method) { request, context -> Response in
                let call = Call(
                    request: request, context: context, now: now(), record: CallRecord(kind, behind: door))
                do {
                    return try await door.pass(call) { call in
                        do { return try await route.handler(call) } catch let pending as PendingApproval {
                            Self.log(pending, call)
                            return try pending.response(call)
                        }
                    }
                } catch {
                    throw Self.problem(for: error, call)
                }
            }
        }
    }

    private static func problem(for error: any Error, _ call: Call) -> any Error {
        switch error {
        case let refusal as Refusal:
            log(refusal, call)
            return refusal.response
        case let error as MachineIdentityError:
            let refusal = Refusal(
                EnrollmentProblem(rawValue: error.code.description) ?? .invalidCSR,
                error.message.prefix(1).uppercased() + error.message.dropFirst() + ".")
            log(refusal, call)
            return refusal.response
        case is ProblemResponse, is any HTTPResponseError: return error
        default:
            call.context.logger.error("Request failed", metadata: ["error": "\(error)"])
            return Refusal(.internalError, "The tenant's log knows more under this request id.").response
        }
    }

    private static func log(_ pending: PendingApproval, _ call: Call) {
        guard pending.isNew else { return }
        call.context.logger.notice(
            "Connector waits for approval",
            metadata: [
                "connector": "\(pending.id)", "key": "\(pending.key)", "words": "\(pending.key.words)",
                "client": "\(call.context.clientAddress)",
            ])
    }

    private static func log(_ refusal: Refusal, _ call: Call) {
        var metadata: Logger.Metadata = [
            "problem": "\(refusal.problem.rawValue)", "detail": "\(refusal.detail)",
            "method": "\(call.request.method.rawValue)", "path": "\(call.request.uri.path.prefix(200))",
            "client": "\(call.context.clientAddress)",
        ]
        if let tenant = refusal.tenant { metadata["tenant"] = "\(tenant.slug)" }
        call.context.logger.notice("Request refused", metadata: metadata)
    }
}
