public import Hummingbird
public import TenantPort
internal import DispatcherProtocol
internal import Foundation
internal import HTTPTypes
internal import Logging
internal import NIOCore
internal import RelayDelivery
internal import RelayFormat

/// The dispatcher's HTTP API, on the tenant's port.
public struct DispatcherRoutes: Sendable {
    private let dispatcher: DispatchService
    private let callers: any CallerAuthentication
    let administrators: AdministratorGate

    /// Joins the dispatcher and those who know its callers and its administrators.
    public init(
        dispatcher: DispatchService, callers: any CallerAuthentication, administrators: any AdministratorAuthentication
    ) {
        self.dispatcher = dispatcher
        self.callers = callers
        self.administrators = AdministratorGate(authentication: administrators)
    }

    /// Adds the routes.
    public func register(on router: Router<PortContext>) {
        let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]
        for method in methods {
            router.on("/v1/groups/:group/services/:service", method: method, use: relay)
            router.on("/v1/groups/:group/services/:service/**", method: method, use: relay)
        }
        router.post("/v1/groups/:group/requests", use: call)
        router.get("/v1/groups/:group/presence", use: presence)
    }

    // MARK: Handlers

    /// Relays the request as it is and answers as the service did.
    @Sendable private func relay(_ request: Request, _ context: PortContext) async throws -> Response {
        let target = try RelayTarget(path: request.head.path ?? "/")
        let (caller, group) = try await authorize(request, group: target.group, service: target.service)
        let deadline = try deadline(of: request)
        let body = try await RelayBody.collect(request)
        let usesAuthorization = request.headers[.posternAPIKey] == nil
        let headers = request.headers.compactMap { field -> HTTPHeaderField? in
            let name = field.name.canonicalName
            guard !name.hasPrefix("postern-"), !(usesAuthorization && field.name == .authorization) else { return nil }
            return HTTPHeaderField(field.name.rawName, field.value)
        }
        let method = request.method.rawValue
        let content = HTTPRequestContent(
            method: method, target: target.rest, headers: HTTPHeaderField.endToEnd(headers), body: body)
        try RelayBody.check(content)
        let tenant = dispatcher.tenant(caller.tenant, named: caller.tenantName)
        let standard = tenant.requestClass(group: group, service: target.service, method: method)
        let result = await tenant.call(
            RelayedCall(
                group: group, service: target.service,
                requestClass: try Self.requestClass(request.headers[.posternClass], standard: standard),
                deadline: deadline, operation: .http(content), caller: caller.keyID))
        log(result, caller: caller, service: target.service, context: context)
        switch result.outcome {
        case .http(let content): return RelayAnswer.response(content, result, isHead: request.method == .head)
        case .failed(let failure): throw RelayAnswer.problem(failure, result)
        }
    }

    /// The same for programs that prefer JSON.
    @Sendable private func call(_ request: Request, _ context: PortContext) async throws -> Response {
        let name = context.parameters.get("group") ?? ""
        let body = try await RelayBody.collect(request, limit: 2 * RelayLimits.inlineBody)
        let call: CallRequest
        do {
            call = try JSONDecoder().decode(CallRequest.self, from: Data(body))
        } catch {
            throw RelayAnswer.malformed("the body is not a request as the API describes it: \(error.briefly)")
        }
        let (caller, group) = try await authorize(request, group: name, service: call.service)
        let method = call.method?.uppercased() ?? "GET"
        let content = try RelayBody.content(of: call, method: method)
        let tenant = dispatcher.tenant(caller.tenant, named: caller.tenantName)
        let standard = tenant.requestClass(group: group, service: call.service, method: method)
        let result = await tenant.call(
            RelayedCall(
                group: group, service: call.service,
                requestClass: try Self.requestClass(call.requestClass, standard: standard),
                deadline: try deadline(seconds: call.deadlineSeconds), operation: .http(content),
                caller: caller.keyID))
        log(result, caller: caller, service: call.service, context: context)
        switch result.outcome {
        case .http(let content): return try RelayAnswer.json(content, result)
        case .failed(let failure): throw RelayAnswer.problem(failure, result)
        }
    }

    /// Who of the group is there.
    @Sendable private func presence(_ request: Request, _ context: PortContext) async throws -> Response {
        let name = context.parameters.get("group") ?? ""
        let (caller, group) = try await authorize(request, group: name, service: nil)
        let now = ContinuousClock.now
        let members = dispatcher.tenant(caller.tenant, named: caller.tenantName).peers(of: group)
            .filter { $0.readiness != .observing }
            .sorted { ($0.name, $0.bootNumber) < ($1.name, $1.bootNumber) }
            .map { GroupPresence.Member($0, group: group, now: now) }
        return try RelayAnswer.json(GroupPresence(group: name, connectors: members))
    }

    // MARK: Checks

    /// Finds the caller by its key; the tenant comes from the key, and a group that the key does not open does not exist.
    private func authorize(
        _ request: Request, group: String, service: String?
    ) async throws -> (Caller, GroupID) {
        guard let key = request.apiKey else {
            throw RelayAnswer.unauthorized("an API key is needed, as \"Authorization: Bearer ...\"")
        }
        guard let caller = try await callers.caller(forKey: key) else {
            throw RelayAnswer.unauthorized("the API key is not known, has expired or was revoked")
        }
        guard let id = caller.groups[group] else {
            throw RelayAnswer.notFound("the API key opens no group named \"\(group)\"")
        }
        if let service, let services = caller.services, !services.contains(service) {
            throw RelayAnswer.notPermitted("the API key does not open the service \"\(service)\"")
        }
        return (caller, id)
    }

    private func deadline(of request: Request) throws -> RelayTime {
        guard let text = request.headers[.posternDeadline] else { return try deadline(seconds: nil) }
        guard let duration = Duration(text: text) else {
            throw RelayAnswer.malformed("\(RelayHeaders.deadline) is a time, as in 5s, 500ms or 2m")
        }
        return try deadline(seconds: duration / .seconds(1))
    }

    private func deadline(seconds: Double?) throws -> RelayTime {
        guard let seconds else { return dispatcher.now + dispatcher.settings.standardDeadline }
        let longest = dispatcher.settings.longestDeadline
        guard seconds > 0, seconds <= longest / .seconds(1) else {
            throw RelayAnswer.malformed("a deadline is more than 0 and at most \(Int(longest / .seconds(1))) seconds")
        }
        return dispatcher.now + .seconds(seconds)
    }

    /// A caller may only be stricter than the method and the service.
    private static func requestClass(_ name: String?, standard: RequestClass) throws -> RequestClass {
        guard let name else { return standard }
        guard let stated = RequestClass(name: name) else {
            throw RelayAnswer.malformed("\(RelayHeaders.requestClass) is safe, keyed or once")
        }
        guard stated >= standard else {
            throw RelayAnswer.malformed("the request is \(standard); it can only be given a stricter class")
        }
        return stated
    }

    private func log(_ result: CallResult, caller: Caller, service: String, context: PortContext) {
        var metadata: Logger.Metadata = [
            "tenant": "\(caller.tenantName)", "key": "\(caller.keyID)", "service": "\(service)",
            "request": "\(result.request)", "attempt": "\(result.attempt)",
        ]
        switch result.outcome {
        case .http(let content):
            metadata["status"] = "\(content.status)"
            context.logger.debug("Call answered", metadata: metadata)
        case .failed(let failure):
            metadata["reason"] = "\(failure)"
            context.logger.notice("Call failed", metadata: metadata)
        }
    }
}
