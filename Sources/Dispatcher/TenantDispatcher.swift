internal import BrokerCore
internal import Metrics
internal import Logging
internal import RelayDelivery
public import RelayFormat
internal import RelayKeys
internal import Synchronization

/// The dispatcher of one tenant: owns its requests from submission to receipt.
///
/// Knows `Broker` and `DispatchLedger` only. The decisions are `DispatchMachine`'s; this type moves records between it,
/// the broker, the ledger and the callers. Beside this file: receiving, acting, submissions, what can be told and ordered.
public final class TenantDispatcher: Sendable {
    /// What is kept of a request besides its state.
    struct Pending: Sendable {
        var operation: RequestMessage.Operation
        var caller: String
        /// Who waits for a call; nil for what the ledger keeps.
        var waiter: CallWaiter?
        var webhook: String?
    }

    /// A decision that waits for the ledger.
    struct Entry: Sendable {
        var change: LedgerChange
        var actions: [Machine.Action]
    }

    typealias Machine = DispatchMachine<Pending>

    /// The tenant.
    public let tenant: TenantID
    let broker: any Broker
    let ledger: (any DispatchLedger)?
    let clock: RelayClock
    let party: Party
    let sealing: any MessageSealing
    let epochs: EpochKeeper?
    let opener: MessageOpener
    let groups: @Sendable () -> [GroupID]
    let refusals: RefusalTally
    let configuration: DispatcherConfiguration
    let logger: Logger
    let machine: Mutex<Machine>
    let history: Mutex<CallHistory>
    /// When each connector's process last said something to this one.
    let answers = Mutex<[BootID: ContinuousClock.Instant]>([:])
    let ends = EndWatch()
    let outbox = Mailbox<OutgoingMessage>(capacity: 65_536)
    let receipts = Mutex(ReceiptBook())
    let receiptBell = Mailbox<Void>(capacity: 1)
    /// Bounded by the machine: no more than a few for each request that it tracks.
    let entries = Mailbox<Entry>()
    let counters: DispatcherMetrics
    /// Which start of this dispatcher this is; zero until it is known.
    let bootNumber = Mutex<UInt64>(0)
    let isRestored: Mutex<Bool>
    private let requestNumber = Atomic(UInt32.random(in: .min ... .max))

    /// Makes a dispatcher that has not begun.
    ///
    /// - Parameters:
    ///   - party: this process; the member's id is the stable one of this dispatcher, which begins every request id.
    ///   - keys: what all passes that it says and hears.
    ///   - ledger: where durable requests are kept; nil for a dispatcher that takes calls only.
    init(
        party: Party, tenantName: String, broker: any Broker, keys: TenantKeys, ledger: (any DispatchLedger)?,
        configuration: DispatcherConfiguration, clock: RelayClock, logger: Logger
    ) {
        tenant = party.tenant
        self.party = party
        sealing = keys.sealing
        epochs = keys.epochs
        opener = MessageOpener(sealing: keys.sealing, epochs: keys.epochs, isGreeted: true, clock: clock)
        groups = keys.groups
        self.broker = broker
        self.ledger = ledger
        self.clock = clock
        self.configuration = configuration
        var logger = logger
        logger[metadataKey: "tenant"] = "\(tenantName)"
        self.logger = logger
        refusals = RefusalTally(
            label: "postern_dispatcher_records_refused_total", dimensions: [("tenant", tenantName)])
        counters = DispatcherMetrics(tenant: tenantName)
        machine = Mutex(Machine(limits: configuration.limits, timing: configuration.timing, now: .now))
        history = Mutex(CallHistory(limit: configuration.rememberedCalls))
        isRestored = Mutex(ledger == nil)
    }

    /// Relays a request and waits for its one answer.
    ///
    /// A cancelled task is a caller that has gone: what has not started, and what is `safe`, ends at once; the rest goes
    /// on, and how it ended can be asked for.
    public func call(_ call: RelayedCall) async -> CallResult {
        let id = newRequestID()
        let submission = Machine.Submission(
            id: id, group: call.group, service: call.service, requestClass: call.requestClass, deadline: call.deadline,
            submittedAt: clock.now, size: call.operation.encodedSizeHint)
        let operation = call.operation.keyed(id, as: call.requestClass)
        let begun = ContinuousClock.now
        let gone = CallResult(
            request: id, outcome: .failed(RequestFailure(.cancelled, "the caller left")), connector: nil, attempt: 0)
        let waiting = Mutex<CallWaiter?>(nil)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waiter = CallWaiter(continuation)
                waiting.withLock { $0 = waiter }
                let pending = Pending(operation: operation, caller: call.caller, waiter: waiter)
                let now = present
                act(on: machine.withLock { $0.submit(submission, pending, at: now) })
                // A cancellation before the submission found nothing to forget.
                if Task.isCancelled { abandon(id, waiter, gone) }
            }
        } onCancel: {
            if let waiter = waiting.withLock({ $0 }) { abandon(id, waiter, gone) }
        }
        counters.finished(result.outcome, in: ContinuousClock.now - begun)
        return result
    }

    private func abandon(_ id: RequestID, _ waiter: CallWaiter, _ result: CallResult) {
        let now = present
        act(on: machine.withLock { $0.abandon(id, at: now) })
        waiter.resume(returning: result)
    }

    /// Works until the surrounding task is cancelled.
    ///
    /// - Throws: what the broker throws on opening, or the ledger on reading.
    func run(bootNumber number: UInt64) async throws {
        bootNumber.withLock { $0 = number }
        let opened = try await withThrowingDiscardingTaskGroup(
            returning: (any Inbox, any PresenceWatch)?.self
        ) { group in
            // Deadlines hold from the beginning, whether the broker answers or not.
            group.addTask { await self.keepTime() }
            guard let (inbox, watch) = try await self.open() else { return nil }
            try await restore()
            group.addTask { await self.runOutbox() }
            group.addTask { await self.sayReceipts() }
            group.addTask { await self.keepLedger() }
            group.addTask { await self.receive(from: inbox) }
            group.addTask { await self.follow(watch) }
            if let epochs { group.addTask { await epochs.keep(self.groups) } }
            return (inbox, watch)
        }
        await opened?.1.close()
        await opened?.0.close()
    }

    /// Opens inbox and presence, again and again while the broker is away or its places are only being made.
    ///
    /// - Returns: nil when it was told to end before.
    private func open() async throws(BrokerError) -> (any Inbox, any PresenceWatch)? {
        var pause = Duration.milliseconds(100)
        var inbox: (any Inbox)?
        while !Task.isCancelled {
            do throws(BrokerError) {
                let open: any Inbox
                if let inbox {
                    open = inbox
                } else {
                    open = try await broker.openInbox(InboxPlace(tenant: tenant, boot: party.boot))
                }
                inbox = open
                return (open, try await broker.watchPresence(of: tenant))
            } catch {
                guard error.isRetryable || error.code == .denied else { throw error }
                if pause == .milliseconds(100) {
                    logger.warning("The broker lets nothing be opened yet", metadata: ["reason": "\(error)"])
                }
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(3))
        }
        await inbox?.close()
        return nil
    }

    var present: Moment { Moment(wall: clock.now, steady: .now) }

    /// Begins with four bytes of the instance, so that any dispatcher can tell whose request it is; then a number and
    /// eight random bytes.
    func newRequestID() -> RequestID {
        let instance = party.member.high & 0xffff_ffff_0000_0000
        let number = requestNumber.wrappingAdd(1, ordering: .relaxed).newValue
        return RequestID(high: instance | UInt64(number), low: .random(in: .min ... .max))
    }
}

extension RequestMessage.Operation {
    /// Gives a request that may run again the one key under which it does, unless it has its caller's.
    func keyed(_ id: RequestID, as requestClass: RequestClass) -> Self {
        switch self {
        case .http(var content):
            guard requestClass == .keyed, !content.headers.contains(where: { $0.isNamed("idempotency-key") }) else {
                return self
            }
            content.headers.append(HTTPHeaderField("Idempotency-Key", "\"\(id)\""))
            return .http(content)
        }
    }
}
