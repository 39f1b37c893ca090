internal import BrokerCore
internal import Metrics
internal import Logging
public import RelayDelivery
public import RelayFormat
internal import Synchronization

/// The dispatcher of one tenant: owns its requests from submission to answer.
///
/// Knows `Broker` only. The decisions are `DispatchMachine`'s; this type moves records between it, the broker and the
/// callers.
public final class TenantDispatcher: Sendable {
    /// A request that a caller waits for.
    struct Pending: Sendable {
        var operation: RequestMessage.Operation
        var answer: CheckedContinuation<CallResult, Never>
    }

    typealias Machine = DispatchMachine<Pending>

    /// The tenant.
    public let tenant: TenantID
    let broker: any Broker
    let clock: RelayClock
    let correspondent: Correspondent
    let configuration: DispatcherConfiguration
    let logger: Logger
    let machine: Mutex<Machine>
    private let outbox = Mailbox<OutgoingRecord>(capacity: 65_536)
    private let counters: DispatcherMetrics

    /// Makes a dispatcher that has not begun.
    ///
    /// - Parameters:
    ///   - instance: the stable id of this dispatcher, which begins every request id that it gives.
    ///   - boot: this process.
    init(
        tenant: TenantID, tenantName: String, instance: MemberID, boot: BootID, broker: any Broker,
        configuration: DispatcherConfiguration, clock: RelayClock, logger: Logger
    ) {
        self.tenant = tenant
        self.broker = broker
        self.clock = clock
        self.configuration = configuration
        var logger = logger
        logger[metadataKey: "tenant"] = "\(tenantName)"
        self.logger = logger
        correspondent = Correspondent(tenant: tenant, member: instance, boot: boot)
        counters = DispatcherMetrics(tenant: tenantName)
        machine = Mutex(Machine(limits: configuration.limits, timing: configuration.timing, now: .now))
    }

    /// Relays a request and waits for its one answer.
    ///
    /// A cancelled task is a caller that has gone: the request ends at once, and what comes for it is only receipted.
    public func call(_ call: RelayedCall) async -> CallResult {
        let id = newRequestID()
        let submission = Machine.Submission(
            id: id, group: call.group, service: call.service, requestClass: call.requestClass, deadline: call.deadline)
        let begun = ContinuousClock.now
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let pending = Pending(operation: call.operation, answer: continuation)
                let now = present
                act(on: machine.withLock { $0.submit(submission, pending, at: now) })
                // A cancellation before the submission found nothing to forget.
                if Task.isCancelled { act(on: machine.withLock { $0.abandon(id) }) }
            }
        } onCancel: {
            act(on: machine.withLock { $0.abandon(id) })
        }
        counters.finished(result.outcome, in: ContinuousClock.now - begun)
        return result
    }

    /// The processes of a group's connectors, in no order.
    public func peers(of group: GroupID) -> [Peer] {
        machine.withLock { $0.presence.peers.values.filter { $0.offers[group] != nil } }
    }

    /// How each connector of the tenant stands, by its id: as its newest process does.
    public var standings: [String: String] {
        let peers = machine.withLock { Array($0.presence.peers.values) }.filter { $0.readiness != .observing }
        let newest = Dictionary(grouping: peers, by: \.member).compactMapValues { boots in
            boots.max { $0.bootNumber < $1.bootNumber }
        }
        return Dictionary(uniqueKeysWithValues: newest.map { ("\($0.key)", $0.value.standing.name) })
    }

    /// Counts a connector as lost that was revoked; its links have to be closed before.
    public func revoke(_ member: MemberID) {
        let now = present
        act(on: machine.withLock { $0.revoked(member, at: now) })
    }

    /// Works until the surrounding task is cancelled.
    ///
    /// - Throws: what the broker throws on opening.
    func run() async throws {
        let inbox = try await broker.openInbox(InboxPlace(tenant: tenant, boot: correspondent.boot))
        let watch = try await broker.watchPresence(of: tenant)
        await withDiscardingTaskGroup { group in
            group.addTask { await self.runOutbox() }
            group.addTask { await self.receive(from: inbox) }
            group.addTask { await self.follow(watch) }
            group.addTask { await self.keepTime() }
        }
        await watch.close()
        await inbox.close()
    }

    // MARK: Acting

    var present: Moment { Moment(wall: clock.now, steady: .now) }

    /// Carries out what the machine decided; called with no lock held.
    func act(on actions: [Machine.Action]) {
        guard !actions.isEmpty else { return }
        var outgoing: [OutgoingRecord] = []
        for action in actions {
            switch action {
            case .dispatch(let submission, let pending, let attempt, let route):
                dispatch(submission, pending, attempt: attempt, route: route)
            case .answer(let submission, let pending, let answer):
                pending.answer.resume(
                    returning: CallResult(
                        request: submission.id, outcome: answer.outcome,
                        connector: answer.connectorName ?? answer.connector?.description, attempt: answer.attempt))
            case .invite(let boot):
                outgoing += message(.invite, InviteMessage(now: clock.now), to: boot)
            }
        }
        put(outgoing)
    }

    private func dispatch(_ submission: Machine.Submission, _ pending: Pending, attempt: UInt32, route: Machine.Route) {
        let now = clock.now
        let until = min(submission.deadline, now + RelayLimits.dispatch)
        let body = RequestMessage(
            service: submission.service, requestClass: submission.requestClass, deadline: submission.deadline,
            dispatchUntil: until, operation: pending.operation)
        let place: Place =
            switch route {
            case .group: .group(GroupPlace(tenant: tenant, group: submission.group))
            case .inbox(let boot): .inbox(InboxPlace(tenant: tenant, boot: boot))
            }
        if attempt > 1 {
            logger.info(
                "Request is dispatched again",
                metadata: ["request": "\(submission.id)", "attempt": "\(attempt)", "route": "\(route)"])
        }
        do {
            let payload = try correspondent.seal(
                .request, body, group: submission.group, attempt: attempt, correlation: submission.id, at: now)
            put([OutgoingRecord(to: place, payload: payload, expiresAt: until, lane: .data)])
        } catch {
            fail(submission.id, attempt: attempt, BrokerError(.tooLarge, "\(error)"))
        }
    }

    private func fail(_ id: RequestID, attempt: UInt32, _ error: BrokerError) {
        let isOverload = if case .overloaded = error.code { true } else { false }
        act(
            on: machine.withLock {
                $0.sendFailed(id, attempt: attempt, overloaded: isOverload, reason: error.message)
            })
    }

    func message(
        _ kind: MessageKind, _ body: some MessageBody, to boot: BootID, correlation: RequestID = .none
    ) -> [OutgoingRecord] {
        let now = clock.now
        do {
            let payload = try correspondent.seal(kind, body, correlation: correlation, at: now)
            let place = Place.inbox(InboxPlace(tenant: tenant, boot: boot))
            return [OutgoingRecord(to: place, payload: payload, expiresAt: now + .seconds(30))]
        } catch {
            logger.error("Message cannot be encoded", metadata: ["kind": "\(kind)", "reason": "\(error)"])
            return []
        }
    }

    // MARK: Sending

    func put(_ records: [OutgoingRecord]) {
        guard !records.isEmpty, !outbox.put(records) else { return }
        report(records, as: BrokerError(.overloaded(retryAfter: .seconds(1)), "the dispatcher's outbox is full"))
    }

    private func runOutbox() async {
        await withDiscardingTaskGroup { group in
            while let batch = await outbox.take() {
                // The next batch need not wait until this one is confirmed.
                group.addTask {
                    let outcomes = await self.broker.send(batch)
                    for (record, outcome) in zip(batch, outcomes) {
                        if case .failed(let error) = outcome { self.report([record], as: error) }
                    }
                }
            }
        }
    }

    /// A request that was not sent is answered; all else is repeated by the protocol.
    private func report(_ records: [OutgoingRecord], as error: BrokerError) {
        for record in records {
            guard let header = try? Envelope(decoding: record.payload).header else { continue }
            logger.debug("Record not sent", metadata: ["kind": "\(header.kind)", "reason": "\(error)"])
            if header.kind == .request { fail(header.correlation, attempt: header.attempt, error) }
        }
    }

    func countRefusal(_ error: RelayFormatError) {
        counters.refused.increment()
        logger.warning("Record refused", metadata: ["reason": "\(error)"])
    }

    /// Begins with four bytes of the instance, so that any dispatcher can tell whose request it is.
    private func newRequestID() -> RequestID {
        let drawn = RequestID.random()
        let instance = correspondent.member.high & 0xffff_ffff_0000_0000
        return RequestID(high: instance | (drawn.high & 0xffff_ffff), low: drawn.low)
    }
}
