import BrokerCore
import ConnectorServices
import Logging
import PlainRelay
import RelayDelivery
import RelayFormat
import RelayKeys
import RelaySealing
import Synchronization
import Testing

@testable import Connector

/// A connector at a broker in memory, whose dispatcher is played by hand.
final class ConnectorStage {
    let broker = InMemoryBroker()
    let tenant = TenantID.random()
    let group = GroupID.random()
    let dispatcher = MemberID.random()
    let journal = MemoryJournal()
    let service: HeldService
    private(set) var session: ConnectorSession
    /// The dispatcher's present process.
    private(set) var hand: PlainSealing
    private var bootNumber: UInt64 = 0
    private var inbox: any Inbox
    private var heard: [Envelope] = []

    init(limits: ServiceLimits = ServiceLimits()) async throws {
        service = HeldService(limits: limits)
        hand = PlainSealing(Party(tenant: tenant, member: dispatcher, boot: .random(), role: .dispatcher))
        inbox = try await broker.openInbox(InboxPlace(tenant: tenant, boot: hand.party.boot))
        session = Self.session(tenant, group, broker, service, journal)
    }

    private static func session(
        _ tenant: TenantID, _ group: GroupID, _ broker: InMemoryBroker, _ service: HeldService, _ journal: MemoryJournal
    ) -> ConnectorSession {
        let identity = ConnectorIdentity(
            tenant: tenant, tenantName: "acme", member: .random(), name: "one", boot: .random(), bootNumber: 1,
            groups: [group: "site"])
        return ConnectorSession(
            identity: identity, broker: broker, sealing: PlainSealing(identity.party),
            services: ServiceCatalog(["web": service]),
            configuration: .init(inFlight: 16, beat: .milliseconds(200), drain: .seconds(2), version: "test"),
            clock: .system, journal: journal,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Runs the session for as long as the body takes, and lets it end with the broker's inbox.
    func run(_ body: (ConnectorStage) async throws -> Void) async throws {
        let session = session
        // Owned by this call, which cancels it and waits for it.
        let running = Task { try await session.run() }
        try await invite()
        do {
            try await body(self)
        } catch {
            running.cancel()
            throw error
        }
        running.cancel()
        _ = try? await running.value
    }

    /// The connector's process ends, and another takes its place.
    func restartConnector() {
        journal.restart()
        session = Self.session(tenant, group, broker, service, journal)
    }

    /// The dispatcher's process ends, and another takes its place.
    func restartDispatcher() async throws {
        hand = PlainSealing(Party(tenant: tenant, member: dispatcher, boot: .random(), role: .dispatcher))
        inbox = try await broker.openInbox(InboxPlace(tenant: tenant, boot: hand.party.boot))
        heard = []
        try await invite()
    }

    private func invite() async throws {
        bootNumber += 1
        let message = InviteMessage(now: RelayClock.system.now, bootNumber: bootNumber)
        // What is said before the session has opened its inbox is lost.
        for _ in 0..<2000 {
            try? await say(.invite, message)
            if session.state.withLock({ $0.dispatchers.boot(of: dispatcher) }) == hand.party.boot { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("the session opened no inbox")
    }

    /// Waits until a paused session has left its groups.
    func leftGroups() async throws {
        let end = ContinuousClock.now + .seconds(10)
        while !session.state.withLock({ $0.standing.readiness != .ready && $0.subscriptions.isEmpty }) {
            try #require(ContinuousClock.now < end, "the session never left its groups")
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    /// Says something to the connector's process.
    func say(
        _ kind: MessageKind, _ body: some MessageBody, attempt: UInt32 = 0, correlation: RequestID = .none
    ) async throws {
        let now = RelayClock.system.now
        let payload = try hand.payload(kind, body, group: group, attempt: attempt, correlation: correlation, at: now)
        try await broker.send(
            OutgoingRecord(
                to: .inbox(InboxPlace(tenant: tenant, boot: session.identity.boot)), payload: payload,
                expiresAt: now + .seconds(30)))
    }

    /// Asks for a request, through the inbox or the group's queue.
    func request(
        _ id: RequestID, attempt: UInt32 = 1, _ method: String = "POST", through queue: Bool = false,
        inTheNameOf other: GroupID? = nil
    ) async throws {
        let now = RelayClock.system.now
        let message = RequestMessage(
            service: "web", requestClass: .standard(forHTTPMethod: method), deadline: now + .seconds(30),
            dispatchUntil: now + .seconds(30),
            operation: .http(HTTPRequestContent(method: method, target: "/\(attempt)", headers: [], body: [])))
        let payload = try hand.payload(
            .request, message, group: other ?? group, attempt: attempt, correlation: id, at: now)
        let place: Place =
            queue
            ? .group(GroupPlace(tenant: tenant, group: group))
            : .inbox(InboxPlace(tenant: tenant, boot: session.identity.boot))
        try await broker.send(OutgoingRecord(to: place, payload: payload, expiresAt: now + .seconds(30)))
    }

    /// Waits for the next message of a kind; those of other kinds are kept.
    func hear(_ kind: MessageKind) async throws -> Envelope {
        while true {
            if let index = heard.firstIndex(where: { $0.header.kind == kind }) { return heard.remove(at: index) }
            let payloads = try #require(await inbox.next())
            heard += try payloads.map { try Envelope(decoding: $0) }
        }
    }

    func hearClaim() async throws -> ClaimMessage.Claim {
        try #require(try await hear(.claim).decode(ClaimMessage.self).claims.first)
    }

    func hearReturn() async throws -> ReturnMessage.Reason {
        try await hear(.return).decode(ReturnMessage.self).reason
    }

    func hearResponse() async throws -> ResponseMessage.Outcome {
        try await hear(.response).decode(ResponseMessage.self).outcome
    }

    func ask(_ id: RequestID, attempt: UInt32 = 1) async throws -> KnownMessage.Knowledge {
        try await say(.ask, DispatchListMessage([DispatchName(request: id, attempt: attempt)]))
        return try #require(try await hear(.known).decode(KnownMessage.self).entries.first).knowledge
    }

    func grant(_ id: RequestID, attempt: UInt32 = 1) async throws {
        try await say(.grant, DispatchListMessage([DispatchName(request: id, attempt: attempt)]))
    }
}

extension ResponseMessage.Outcome {
    var failure: RequestFailure.Code? {
        guard case .failed(let failure) = self else { return nil }
        return failure.code
    }
}
