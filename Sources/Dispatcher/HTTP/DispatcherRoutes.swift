public import Hummingbird
public import TenantPort
internal import DispatcherProtocol
internal import Foundation
internal import HTTPTypes
internal import Logging
internal import NIOCore
public import RelayDelivery
internal import RelayFormat

/// The dispatcher's HTTP API, on the tenant's port.
public struct DispatcherRoutes: Sendable {
    private let dispatcher: DispatchService
    private let gate: CallerGate
    private let submissions: SubmissionRoutes
    private let requests: RequestRoutes
    private let instances: InstanceGate
    private let audit: DispatcherAudit?

    /// Joins the dispatcher and those who know its callers, its administrators and its webhooks.
    ///
    /// - Parameters:
    ///   - webhooks: knows where results can be sent; nil where no submission may name a webhook.
    ///   - deliveries: knows how the sending stands; nil where nothing is sent.
    ///   - instances: the dispatchers beside this one; nil where there are none.
    ///   - audit: where acts and refusals are put on record.
    public init(
        dispatcher: DispatchService, callers: any CallerAuthentication,
        administrators: any AdministratorAuthentication, webhooks: (any WebhookDirectory)? = nil,
        deliveries: (any WebhookLedger)? = nil, instances network: InstanceNetwork? = nil,
        audit: DispatcherAudit? = nil
    ) {
        self.dispatcher = dispatcher
        self.audit = audit
        gate = CallerGate(callers, administrators: AdministratorGate(authentication: administrators))
        instances = InstanceGate(network: network)
        submissions = SubmissionRoutes(dispatcher: dispatcher, gate: gate, instances: instances, webhooks: webhooks)
        requests = RequestRoutes(
            dispatcher: dispatcher, gate: gate, instances: instances, deliveries: deliveries, audit: audit)
    }

    /// Adds the routes.
    public func register(on port: Router<PortContext>) {
        let router = port.group("").add(middleware: RefusalMiddleware(audit: audit))
        let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]
        for method in methods {
            router.on("/v1/groups/:group/services/:service", method: method, use: relay)
            router.on("/v1/groups/:group/services/:service/**", method: method, use: relay)
        }
        router.post("/v1/groups/:group/requests", use: call)
        router.get("/v1/groups/:group/presence", use: presence)
        DescriptionRoute.register(on: router)
        submissions.register(on: router)
        requests.register(on: router)
    }

    // MARK: Handlers

    /// Relays the request as it is and answers as the service did.
    @Sendable private func relay(_ request: Request, _ context: PortContext) async throws -> Response {
        let target = try RelayTarget(path: request.head.path ?? "/")
        let (caller, group) = try await gate.authorize(request, group: target.group, service: target.service)
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
        let call = RelayedCall(
            group: group, service: target.service,
            requestClass: try RequestClass(stated: request.headers[.posternClass], standard: standard),
            deadline: deadline, operation: .http(content), caller: caller.keyID)
        let key = try IdempotencyKey(of: request)
        return try await instances.keyed(
            key, of: caller, service: target.service, at: tenant, request, body, within: deadline - dispatcher.now
        ) {
            let result = try await tenant.call(call, groupName: target.group, key: key)
            log(result, caller: caller, service: target.service, context: context)
            switch result.outcome {
            case .http(let content): return RelayAnswer.response(content, result, isHead: request.method == .head)
            case .failed(let failure): throw RelayAnswer.problem(failure, result)
            }
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
        let (caller, group) = try await gate.authorize(request, group: name, service: call.service)
        let method = call.method?.uppercased() ?? "GET"
        let content = try RelayBody.content(of: call, method: method)
        let key = try IdempotencyKey(of: request)
        let tenant = dispatcher.tenant(caller.tenant, named: caller.tenantName)
        let standard = tenant.requestClass(group: group, service: call.service, method: method)
        let relayed = RelayedCall(
            group: group, service: call.service,
            requestClass: try RequestClass(stated: call.requestClass, standard: standard),
            deadline: try deadline(seconds: call.deadlineSeconds), operation: .http(key?.added(to: content) ?? content),
            caller: caller.keyID)
        return try await instances.keyed(
            key, of: caller, service: call.service, at: tenant, request, body,
            within: relayed.deadline - dispatcher.now
        ) {
            let result = try await tenant.call(relayed, groupName: name, key: key)
            log(result, caller: caller, service: call.service, context: context)
            switch result.outcome {
            case .http(let content): return try RelayAnswer.json(content, result)
            case .failed(let failure): throw RelayAnswer.problem(failure, result)
            }
        }
    }

    /// Who of the group is there.
    @Sendable private func presence(_ request: Request, _ context: PortContext) async throws -> Response {
        let name = context.parameters.get("group") ?? ""
        let (caller, group) = try await gate.authorize(request, group: name, service: nil)
        let now = ContinuousClock.now
        let members = dispatcher.tenant(caller.tenant, named: caller.tenantName).peers(of: group)
            .filter { $0.readiness != .observing }
            .sorted { ($0.name, $0.bootNumber) < ($1.name, $1.bootNumber) }
            .map { GroupPresence.Member($0, group: group, now: now) }
        return try RelayAnswer.json(GroupPresence(group: name, connectors: members))
    }

    // MARK: Checks

    private func deadline(of request: Request) throws -> RelayTime {
        guard let text = request.headers[.posternDeadline] else { return try deadline(seconds: nil) }
        guard let duration = Duration(text: text) else {
            throw RelayAnswer.malformed("\(RelayHeaders.deadline) is a time, as in 5s, 500ms or 2m")
        }
        return try deadline(seconds: duration / .seconds(1))
    }

    private func deadline(seconds: Double?) throws -> RelayTime {
        let settings = dispatcher.settings
        return try RelayTime(
            deadlineIn: seconds, standard: settings.standardDeadline, longest: settings.longestDeadline,
            now: dispatcher.now)
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
