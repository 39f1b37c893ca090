public import Hummingbird
public import TenantPort
internal import AuditLog
internal import DispatcherProtocol
internal import Foundation
internal import HTTPProblems
internal import HTTPTypes
internal import Logging
internal import NIOCore
internal import RelayDelivery
internal import RelayFormat

/// The dispatcher's HTTP API for operators of connectors: who is there, and drain, pause and resume.
public struct ConnectorOrderRoutes: Sendable {
    private static let largestBody = 16 * 1024
    private static let longest = 366.0 * 86_400
    private static let standardDrain = Duration.seconds(600)
    /// How long an answer waits for the connector to show that it obeys.
    private static let patience = Duration.seconds(3)

    private let dispatcher: DispatchService
    private let administrators: AdministratorGate
    private let audit: DispatcherAudit?

    /// Joins the dispatcher and those who know its operators.
    public init(
        dispatcher: DispatchService, administrators: any AdministratorAuthentication, audit: DispatcherAudit? = nil
    ) {
        self.dispatcher = dispatcher
        self.audit = audit
        self.administrators = AdministratorGate(authentication: administrators)
    }

    /// Adds the routes.
    public func register(on port: Router<PortContext>) {
        let router = port.group("").add(middleware: RefusalMiddleware(audit: audit))
        router.get("/v1/presence", use: presence)
        router.post("/v1/connectors/{id}/drain") { try await order(.drain, $0, $1) }
        router.post("/v1/connectors/{id}/pause") { try await order(.pause, $0, $1) }
        router.post("/v1/connectors/{id}/resume") { try await order(.resume, $0, $1) }
    }

    @Sendable private func presence(_ request: Request, _ context: PortContext) async throws -> Response {
        let administrator = try await administrators.administrator(request, for: .seeConnectors)
        let tenant = dispatcher.tenant(administrator.tenant, named: administrator.tenantName)
        return try RelayAnswer.json(tenant.presence(at: .now))
    }

    private func order(
        _ kind: GoAwayMessage.Order, _ request: Request, _ context: PortContext
    ) async throws -> Response {
        let administrator = try await administrators.administrator(request, for: .drainConnectors)
        let order = try await read(request)
        let tenant = dispatcher.tenant(administrator.tenant, named: administrator.tenantName)
        let peer = try find(context.parameters.get("id") ?? "", of: tenant)
        let note = order.note ?? ""
        guard kind != .pause || !note.isEmpty else {
            throw RelayAnswer.malformed("a pause has a note that says why, for those who find the connector paused")
        }
        let message = GoAwayMessage(kind, until: until(order, kind), note: note)
        try await DispatcherAudit.act(
            audit, "connectors.\(kind)", on: "connectors/\(peer.member)", by: .init(administrator),
            in: administrator.tenant, context, ["note": note, "name": peer.name]
        ) {
            guard peer.standing == .online, tenant.order(message, to: peer.member) else {
                throw Self.notOnline(peer)
            }
        }
        context.logger.notice(
            "Connector is told to change",
            metadata: [
                "tenant": "\(administrator.tenantName)", "by": "\(administrator.name)", "connector": "\(peer.name)",
                "order": "\(kind)", "note": "\(note)",
            ])
        let (shown, isConfirmed) = await confirmation(of: kind, by: peer.boot, in: tenant)
        var answer = try RelayAnswer.json(
            ConnectorOrderAnswer(
                connector: "\(peer.member)", name: peer.name, boot: "\(peer.boot)", order: "\(kind)",
                isConfirmed: isConfirmed, readiness: shown.map { "\($0.readiness)" },
                inFlight: shown?.inFlight ?? 0))
        answer.status = .accepted
        return answer
    }

    /// Waits for a beat that shows the order's effect; a drained process may be gone before it is looked for.
    private func confirmation(
        of kind: GoAwayMessage.Order, by boot: BootID, in tenant: TenantDispatcher
    ) async -> (Peer?, Bool) {
        let end = ContinuousClock.now + Self.patience
        while true {
            let peer = tenant.peers().first { $0.boot == boot }
            let isShown: Bool =
                switch (kind, peer?.readiness) {
                case (.drain, .draining?), (.drain, nil), (.pause, .paused?), (.resume, .ready?): true
                default: false
                }
            if isShown || Task.isCancelled || ContinuousClock.now >= end { return (peer, isShown) }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    // MARK: Reading

    private func read(_ request: Request) async throws -> ConnectorOrder {
        let body = try await request.body(upTo: Self.largestBody)
        guard body.readableBytes > 0 else { return ConnectorOrder() }
        let order: ConnectorOrder
        do {
            order = try JSONDecoder().decode(ConnectorOrder.self, from: Data(body.readableBytesView))
        } catch {
            throw RelayAnswer.malformed("the body is not an order as the API describes it: \(error.briefly)")
        }
        guard (order.note ?? "").utf8.count <= RelayLimits.note else {
            throw RelayAnswer.malformed("a note has at most \(RelayLimits.note) bytes")
        }
        if let seconds = order.seconds, !(seconds > 0 && seconds <= Self.longest) {
            throw RelayAnswer.malformed("seconds are more than 0 and at most \(Int(Self.longest))")
        }
        return order
    }

    private func until(_ order: ConnectorOrder, _ kind: GoAwayMessage.Order) -> RelayTime {
        if let seconds = order.seconds { return dispatcher.now + .seconds(seconds) }
        return kind == .drain ? dispatcher.now + Self.standardDrain : .never
    }

    /// Finds a connector by its id or its name.
    private func find(_ name: String, of tenant: TenantDispatcher) throws -> Peer {
        let peers = tenant.newestPeers()
        if let peer = peers.first(where: { "\($0.member)" == name }) { return peer }
        var named = peers.filter { $0.name == name }
        // Of several that had the name, those that are there are meant.
        if named.count > 1 { named = named.filter { $0.standing != .lost } }
        guard named.count <= 1 else {
            throw Self.conflict(
                "several connectors have the name \"\(name)\"; name one by its id: "
                    + named.map { "\($0.member)" }.joined(separator: ", "))
        }
        guard let peer = named.first else {
            throw RelayAnswer.notFound(
                "no connector with the id or name \"\(name)\" has been seen lately; orders reach those alone that are"
                    + " online")
        }
        return peer
    }

    private static func notOnline(_ peer: Peer) -> ProblemResponse {
        let silence = (ContinuousClock.now - peer.lastBeat).components.seconds
        return conflict(
            "the connector \"\(peer.name)\" is \(peer.standing.name), last seen \(silence) s ago; orders reach those"
                + " alone that are online", code: "connector-not-online")
    }

    private static func conflict(_ detail: String, code: String = "ambiguous-name") -> ProblemResponse {
        ProblemResponse(
            ProblemDetails(code: code, title: "The order cannot be delivered", status: 409, detail: detail))
    }
}
