internal import AuditLog
internal import DispatcherProtocol
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import RelayDelivery
internal import RelayFormat
internal import TenantPort

/// What became of requests, calls and submissions alike, and what can be done about them.
struct RequestRoutes: Sendable {
    private static let longestList = 1000

    let dispatcher: DispatchService
    let gate: CallerGate
    let instances: InstanceGate
    let deliveries: (any WebhookLedger)?
    let audit: DispatcherAudit?

    func register(on router: RouterGroup<PortContext>) {
        router.get("/v1/requests", use: list)
        router.get("/v1/requests/:id", use: show)
        router.get("/v1/requests/:id/why", use: why)
        router.post("/v1/requests/:id/cancel", use: cancel)
        router.post("/v1/requests/:id/redrive", use: redrive)
    }

    // MARK: Handlers

    @Sendable private func list(_ request: Request, _ context: PortContext) async throws -> Response {
        let viewer = try await gate.viewer(of: request, for: .readRequests)
        let query = request.uri.queryParameters
        var filter = LedgerFilter()
        if let text = query["state"] {
            guard let state = LedgerFilter.State(rawValue: String(text)) else {
                let names = LedgerFilter.State.allCases.map(\.rawValue).joined(separator: ", ")
                throw RelayAnswer.malformed("\"state\" is one of \(names)")
            }
            filter.state = state
        }
        if let name = query["group"] {
            guard let group = viewer.groups[String(name)] else {
                throw RelayAnswer.notFound("no group named \"\(name)\" is open to you")
            }
            filter.group = group
        }
        var limit = filter.limit
        if let text = query["limit"] {
            guard let number = Int(text), (1...Self.longestList).contains(number) else {
                throw RelayAnswer.malformed("\"limit\" is 1 to \(Self.longestList)")
            }
            limit = number
        }
        // Some of what is found may not be for this viewer.
        filter.limit = 10 * limit
        let tenant = dispatcher.tenant(viewer.tenant, named: viewer.tenantName)
        let lives = try await asking { () throws(SubmissionError) in try await tenant.lives(matching: filter) }
        let reports = lives.lazy.compactMap { life -> RequestReport? in
            guard let name = viewer.name(of: life.group), viewer.opens(life.service) else { return nil }
            var report = RequestReport(life, groupName: name)
            report.events = []
            report.resolved = nil
            return report
        }
        let (others, missing) = try await instances.lists(request)
        let all = (Array(reports.prefix(limit)) + others.flatMap(\.requests)).sorted {
            $0.submittedAt.milliseconds > $1.submittedAt.milliseconds
        }
        return try RelayAnswer.json(
            RequestList(requests: Array(all.prefix(limit)), missingInstances: missing.isEmpty ? nil : missing))
    }

    @Sendable private func show(_ request: Request, _ context: PortContext) async throws -> Response {
        let (viewer, id) = try await subject(request, context, for: .readRequests)
        return try await instances.owned(id, request) {
            try RelayAnswer.json(try await report(on: id, for: viewer))
        }
    }

    @Sendable private func why(_ request: Request, _ context: PortContext) async throws -> Response {
        let (viewer, id) = try await subject(request, context, for: .readRequests)
        return try await instances.owned(id, request) { try await tell(id, to: viewer, request) }
    }

    private func tell(
        _ id: RelayFormat.RequestID, to viewer: Caller, _ request: Request
    ) async throws -> Response {
        let report = try await report(on: id, for: viewer)
        if request.headers[.accept]?.contains("application/json") == true { return try RelayAnswer.json(report) }
        let story = RequestStory(report, now: Timestamp(dispatcher.now))
        return Response(
            status: .ok, headers: [.contentType: "text/plain; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: story.text)))
    }

    @Sendable private func cancel(_ request: Request, _ context: PortContext) async throws -> Response {
        let (viewer, id) = try await subject(request, context, for: .changeRequests)
        return try await instances.owned(id, request) { try await cancel(id, for: viewer, context) }
    }

    private func cancel(
        _ id: RelayFormat.RequestID, for viewer: Caller, _ context: PortContext
    ) async throws -> Response {
        let before = try await report(on: id, for: viewer)
        let tenant = dispatcher.tenant(viewer.tenant, named: viewer.tenantName)
        let verdict = try await DispatcherAudit.act(
            audit, "requests.cancel", on: "requests/\(id)", by: .init(viewer), in: viewer.tenant, context
        ) { () -> CancelVerdict in
            let verdict = tenant.cancel(id, by: viewer.keyID)
            guard verdict != .notOpen else {
                let state = before.state == "open" ? "ended just now" : "ended already: \(before.state)"
                throw RelayAnswer.conflict(id, "it has \(state)")
            }
            return verdict
        }
        log("Request cancelled", id, by: viewer, "\(verdict)", context)
        let isStopping = verdict == .stopping
        var response = try RelayAnswer.json(
            CancelAnswer(
                verdict: isStopping ? "stopping" : "cancelled", request: try await report(on: id, for: viewer)))
        if isStopping { response.status = .accepted }
        return response
    }

    @Sendable private func redrive(_ request: Request, _ context: PortContext) async throws -> Response {
        let (viewer, id) = try await subject(request, context, for: .changeRequests)
        let body = try await RelayBody.collect(request, limit: 4096)
        return try await instances.owned(id, request, body) { try await redrive(id, for: viewer, body, context) }
    }

    private func redrive(
        _ id: RelayFormat.RequestID, for viewer: Caller, _ body: ArraySlice<UInt8>, _ context: PortContext
    ) async throws -> Response {
        var asked = RedriveRequest()
        if !body.isEmpty {
            do {
                asked = try JSONDecoder().decode(RedriveRequest.self, from: Data(body))
            } catch {
                throw RelayAnswer.malformed("the body is not as the API describes it: \(error.briefly)")
            }
        }
        let settings = dispatcher.settings
        let deadline = try RelayTime(
            deadlineIn: asked.deadlineSeconds, standard: settings.standardSubmissionDeadline,
            longest: settings.longestSubmissionDeadline, now: dispatcher.now)
        let before = try await report(on: id, for: viewer)
        guard before.durable else {
            throw RelayAnswer.conflict(id, "it was a call, whose caller has gone; only submissions are taken up again")
        }
        let tenant = dispatcher.tenant(viewer.tenant, named: viewer.tenantName)
        try await DispatcherAudit.act(
            audit, "requests.redrive", on: "requests/\(id)", by: .init(viewer), in: viewer.tenant, context
        ) {
            let isTaken = try await asking { () throws(SubmissionError) in
                try await tenant.redrive(id, until: deadline)
            }
            guard isTaken else {
                throw RelayAnswer.conflict(
                    id, "it is \(before.state); only dead letters, failed and cancelled requests are taken up again")
            }
        }
        log("Request taken up again", id, by: viewer, "redriven", context)
        var response = try RelayAnswer.json(try await report(on: id, for: viewer))
        response.status = .accepted
        return response
    }

    // MARK: Parts

    private func subject(
        _ request: Request, _ context: PortContext, for act: AdministratorGate.Act
    ) async throws -> (Caller, RelayFormat.RequestID) {
        let viewer = try await gate.viewer(of: request, for: act)
        let text = context.parameters.get("id") ?? ""
        guard let id = RelayFormat.RequestID(text) else { throw Self.unknown(text) }
        return (viewer, id)
    }

    private func report(on id: RelayFormat.RequestID, for viewer: Caller) async throws -> RequestReport {
        let tenant = dispatcher.tenant(viewer.tenant, named: viewer.tenantName)
        return try await asking { () throws(SubmissionError) -> RequestReport? in
            guard let life = try await tenant.life(of: id), let name = viewer.name(of: life.group),
                viewer.opens(life.service)
            else { return nil }
            var report = RequestReport(life, groupName: name)
            if life.isDurable, let kept = try await tenant.result(of: id, waiting: .zero) {
                report.parkUntil = Timestamp(kept.parkUntil)
            }
            if life.webhook != nil, let deliveries {
                let sent = try await TenantDispatcher.read { () throws(LedgerError) in
                    try await deliveries.deliveries(of: id, in: viewer.tenant)
                }
                report.webhook = sent.map(RequestReport.Delivery.init)
            }
            return report
        }.orThrow(Self.unknown("\(id)"))
    }

    private func asking<Value>(_ body: () async throws(SubmissionError) -> Value) async throws -> Value {
        do {
            return try await body()
        } catch {
            throw RelayAnswer.problem(error)
        }
    }

    private func log(
        _ message: Logger.Message, _ id: RelayFormat.RequestID, by viewer: Caller, _ verdict: String,
        _ context: PortContext
    ) {
        context.logger.notice(
            message,
            metadata: [
                "tenant": "\(viewer.tenantName)", "key": "\(viewer.keyID)", "request": "\(id)", "verdict": "\(verdict)",
            ])
    }

    private static func unknown(_ id: String) -> ProblemResponse {
        RelayAnswer.notFound("there is no request \"\(id)\" that is open to you, or not any more")
    }
}

extension Optional {
    /// The value, where there is one.
    fileprivate func orThrow(_ error: @autoclosure () -> ProblemResponse) throws -> Wrapped {
        guard let self else { throw error() }
        return self
    }
}
