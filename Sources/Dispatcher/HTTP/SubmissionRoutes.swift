internal import DispatcherProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import RelayDelivery
internal import RelayFormat
internal import TenantPort

/// Requests that are kept on disk from their submission until their result was fetched or told.
struct SubmissionRoutes: Sendable {
    let dispatcher: DispatchService
    let gate: CallerGate
    let instances: InstanceGate
    let webhooks: (any WebhookDirectory)?

    func register(on router: RouterGroup<PortContext>) {
        router.post("/v1/groups/:group/submissions", use: submit)
        router.get("/v1/groups/:group/submissions/:id", use: result)
    }

    // MARK: Handlers

    @Sendable private func submit(_ request: Request, _ context: PortContext) async throws -> Response {
        let name = context.parameters.get("group") ?? ""
        let body = try await RelayBody.collect(request, limit: 2 * RelayLimits.inlineBody)
        let asked: SubmissionRequest
        do {
            asked = try JSONDecoder().decode(SubmissionRequest.self, from: Data(body))
        } catch {
            throw RelayAnswer.malformed("the body is not a submission as the API describes it: \(error.briefly)")
        }
        let (caller, group) = try await gate.authorize(request, group: name, service: asked.call.service)
        let tenant = dispatcher.tenant(caller.tenant, named: caller.tenantName)
        let submission = try submission(asked, of: request, by: caller, group: group, named: name, to: tenant)
        if let webhook = submission.webhook { try await check(webhook, of: caller.tenant) }
        let wait = WaitPreference(of: request)
        return try await instances.keyed(
            try key(asked, of: request), of: caller, service: asked.call.service, at: tenant, request, body,
            within: .seconds(10 + (wait?.seconds ?? 0))
        ) {
            let id = try await take(submission, by: caller, at: tenant, context)
            return try await report(on: id, of: tenant, wait: wait, group: name) { _ in true }
        }
    }

    private func take(
        _ submission: NewSubmission, by caller: Caller, at tenant: TenantDispatcher, _ context: PortContext
    ) async throws -> RelayFormat.RequestID {
        do {
            switch try await tenant.submit(submission) {
            case .accepted(let new):
                context.logger.debug(
                    "Submission accepted",
                    metadata: [
                        "tenant": "\(caller.tenantName)", "key": "\(caller.keyID)", "request": "\(new)",
                        "service": "\(submission.call.service)",
                    ])
                return new
            case .known(let known): return known
            case .keyReused(let other): throw RelayAnswer.keyReused(other)
            }
        } catch let error as SubmissionError {
            throw RelayAnswer.problem(error)
        }
    }

    @Sendable private func result(_ request: Request, _ context: PortContext) async throws -> Response {
        let name = context.parameters.get("group") ?? ""
        let (caller, group) = try await gate.authorize(request, group: name, service: nil)
        let text = context.parameters.get("id") ?? ""
        guard let id = RelayFormat.RequestID(text) else { throw Self.unknown(text) }
        let wait = WaitPreference(of: request)
        return try await instances.owned(id, request, within: .seconds(10 + (wait?.seconds ?? 0))) {
            try await report(
                on: id, of: dispatcher.tenant(caller.tenant, named: caller.tenantName), wait: wait, group: name
            ) { $0.group == group && caller.opens($0.service) }
        }
    }

    // MARK: Parts

    private func submission(
        _ asked: SubmissionRequest, of request: Request, by caller: Caller, group: GroupID, named name: String,
        to tenant: TenantDispatcher
    ) throws -> NewSubmission {
        let call = asked.call
        let method = call.method?.uppercased() ?? "GET"
        let content = try RelayBody.content(of: call, method: method)
        let key = try key(asked, of: request)
        let now = dispatcher.now
        let settings = dispatcher.settings
        let deadline = try RelayTime(
            deadlineIn: call.deadlineSeconds, standard: settings.standardSubmissionDeadline,
            longest: settings.longestSubmissionDeadline, now: now)
        if let seconds = asked.parkUntilSeconds, !(seconds >= 0) {
            throw RelayAnswer.malformed("\"park_until_seconds\" is not negative")
        }
        let standard = tenant.requestClass(group: group, service: call.service, method: method)
        return NewSubmission(
            call: RelayedCall(
                group: group, service: call.service,
                requestClass: try RequestClass(stated: call.requestClass, standard: standard), deadline: deadline,
                operation: .http(key?.added(to: content) ?? content), caller: caller.keyID),
            groupName: name, idempotencyKey: key?.text,
            fingerprint: IdempotencyKey.fingerprint(group: group, service: call.service, content: content),
            parkUntil: asked.parkUntilSeconds.map { min(now + .seconds(min($0, 1e9)), deadline) } ?? deadline,
            webhook: asked.webhook)
    }

    private func key(_ asked: SubmissionRequest, of request: Request) throws -> IdempotencyKey? {
        let field = try IdempotencyKey(of: request)
        guard let text = asked.idempotencyKey else { return field }
        let key = try IdempotencyKey(text)
        guard field == nil || field == key else {
            throw RelayAnswer.malformed("\"idempotency_key\" and the field Idempotency-Key differ")
        }
        return key
    }

    private func check(_ webhook: String, of tenant: TenantID) async throws {
        guard try await webhooks?.endpoint(named: webhook, of: tenant) != nil else {
            throw RelayAnswer.malformed("there is no webhook named \"\(webhook)\"")
        }
    }

    /// Reports on a request after the wait that its caller prefers.
    private func report(
        on id: RelayFormat.RequestID, of tenant: TenantDispatcher, wait: WaitPreference?, group: String,
        where isOpen: (DurableRequest) -> Bool
    ) async throws -> Response {
        var found: DurableRequest?
        do {
            found = try await tenant.result(of: id, waiting: .zero)
            // Nobody learns by waiting that there is something that is not theirs to see.
            if let wait, let request = found, isOpen(request), request.ending == nil {
                found = try await tenant.result(of: id, waiting: .seconds(wait.seconds))
            }
        } catch {
            throw RelayAnswer.problem(error)
        }
        guard let found, isOpen(found) else { throw Self.unknown("\(id)") }
        var response = try RelayAnswer.json(SubmissionReport(found))
        if found.ending == nil { response.status = .accepted }
        response.headers[.location] = "/v1/groups/\(group.pathSegment)/submissions/\(id)"
        response.headers[.posternRequestID] = "\(id)"
        if let wait { response.headers[.preferenceApplied] = "wait=\(wait.seconds)" }
        return response
    }

    private static func unknown(_ id: String) -> ProblemResponse {
        RelayAnswer.notFound("there is no submission \"\(id)\" in this group, or not any more")
    }
}

extension String {
    /// The text as one segment of a path.
    fileprivate var pathSegment: String {
        addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(CharacterSet(charactersIn: "-._~"))) ?? self
    }
}
