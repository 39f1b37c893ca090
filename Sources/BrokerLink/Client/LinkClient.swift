public import BrokerCore
public import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
public import RelayFormat
internal import Synchronization

/// A broker at the far end of a link: one WebSocket over TLS, made again by itself whenever it breaks.
///
/// What was open is opened again on the next connection. When a connection breaks, its leases are gone: subscriptions
/// see `revoked`. Sends that were on their way fail with `unknown`. While there is no connection, up to
/// `waitingRecords` wait for `waitingTime` and then fail with `notPersisted`, as does what is beyond the limit at once.
/// A refusal that connecting again cannot mend ends `run` with it, and everything else with `denied`.
public final class LinkClient: Broker {
    let configuration: Configuration
    let context: NIOSSLContext
    let credential: @Sendable (_ nonce: [UInt8]) async throws -> LinkCredential
    let clock: RelayClock
    let logger: Logger
    let loop: any EventLoop
    let wakeups = Mailbox<Void>(capacity: 1)
    private let onStateChange: @Sendable (LinkState) -> Void
    private let book = Mutex(LinkBook())
    private let shared: Mutex<Shared>

    struct Shared {
        var state = LinkState.connecting
        var connection: LinkConnection?
        var capabilities: BrokerCapabilities
    }

    /// Prepares a link; it is made and kept while `run` runs.
    ///
    /// - Parameters:
    ///   - credential: gets a credential with a proof over the server's nonce, for each connection and at half of each
    ///     credential's life; a fatal `LinkError` from it ends the client, any other error is tried again. It has to
    ///     return when its task is cancelled: its connection is gone then.
    ///   - onStateChange: told of each change; must not block.
    /// - Throws: an error of NIOSSL for a TLS configuration that cannot be used.
    public init(
        configuration: Configuration, clock: RelayClock = .system, logger: Logger,
        onStateChange: @escaping @Sendable (LinkState) -> Void = { _ in },
        credential: @escaping @Sendable (_ nonce: [UInt8]) async throws -> LinkCredential
    ) throws {
        self.configuration = configuration
        self.credential = credential
        self.clock = clock
        self.logger = logger
        self.onStateChange = onStateChange
        var tls = configuration.tls
        tls.applicationProtocols = ["http/1.1"]
        tls.minimumTLSVersion = .tlsv12
        tls.shutdownTimeout = .milliseconds(250)
        context = try NIOSSLContext(configuration: tls)
        loop = MultiThreadedEventLoopGroup.singleton.next()
        shared = Mutex(
            Shared(
                capabilities: BrokerCapabilities(
                    name: "link", largestPayload: RelayLimits.sealedMessage, durability: .disk, canProvision: true,
                    seesClosedLinks: true)))
    }

    /// How the link stands.
    public var state: LinkState { shared.withLock { $0.state } }

    /// What the broker behind the link said of itself; a guess before the first connection.
    public var capabilities: BrokerCapabilities { shared.withLock { $0.capabilities } }

    /// How many records wait for a link.
    var waitingRecords: Int { book.withLock { $0.waitingRecords } }

    /// Tries again now if the link is down and the next attempt would be later.
    public func nudge() { wakeups.put(CollectionOfOne(())) }

    public func provision(_ group: GroupPlace) async throws(BrokerError) {
        let id = book.withLock { $0.freshID() }
        try await open(id, .provision(id: id, group: group), .provision)
    }

    public func send(_ records: [OutgoingRecord]) async -> [SendOutcome] {
        let limit = min(capabilities.largestPayload, LinkFrame.full)
        let fitting =
            records.allSatisfy { $0.payload.count <= limit } ? records : records.filter { $0.payload.count <= limit }
        guard fitting.count < records.count else { return await launch(records) }
        var outcomes = await launch(fitting)[...]
        return records.map { record in
            guard record.payload.count <= limit, let outcome = outcomes.popFirst() else {
                return .failed(BrokerError(.tooLarge, "the record has more than \(limit) bytes"))
            }
            return outcome
        }
    }

    public func subscribe(
        to group: GroupPlace, as member: BootID, credit: Int
    ) async throws(BrokerError) -> any GroupSubscription {
        let id = book.withLock { $0.freshID() }
        let subscription = LinkSubscription(id: id, client: self)
        try await open(
            id, .subscribe(id: id, group: group, member: member, credit: UInt32(clamping: max(1, credit))),
            .subscription(subscription))
        return subscription
    }

    public func openInbox(_ inbox: InboxPlace) async throws(BrokerError) -> any Inbox {
        let id = book.withLock { $0.freshID() }
        let opened = LinkInbox(id: id, client: self)
        try await open(id, .openInbox(id: id, place: inbox), .inbox(opened))
        return opened
    }

    public func watchPresence(of tenant: TenantID) async throws(BrokerError) -> any PresenceWatch {
        let id = book.withLock { $0.freshID() }
        let watch = LinkPresenceWatch(id: id, client: self)
        try await open(id, .watchPresence(id: id, tenant: tenant), .watch(watch))
        return watch
    }

    /// Closes the link after what was given to it has been written; `run` returns.
    public func close() async {
        finish(BrokerError(.closed, "the link was closed"))
        shared.withLock { $0.connection }?.end(LinkError(.closed, "this end closed the link"))
        nudge()
    }

    // What subscriptions, inboxes and watches need.

    func settle(
        _ tokens: [DeliveryToken], of subscription: UInt32,
        _ message: (_ request: UInt32, _ subscription: UInt32, [DeliveryToken]) -> ClientMessage
    ) async throws(BrokerError) -> [DeliveryToken] {
        guard !tokens.isEmpty else { return [] }
        let result: Result<[DeliveryToken], BrokerError> = await withCheckedContinuation { continuation in
            let atOnce = book.withLock { book -> Result<[DeliveryToken], BrokerError>? in
                if case .over(let error) = book.phase { return .failure(error) }
                guard let outbox = book.outbox, book.openings[subscription] != nil else {
                    // Leases end with the connection that they came by.
                    return .success(tokens)
                }
                let request = book.freshID()
                book.settle(request, message(request, subscription, tokens), over: outbox, continuation)
                return nil
            }
            if let atOnce { continuation.resume(returning: atOnce) }
        }
        return try result.get()
    }

    func post(_ message: ClientMessage) {
        book.withLock { $0.outbox?.put(message) }
    }

    func close(_ id: UInt32) {
        let opening = book.withLock { $0.close(id) }
        opening?.resource.end()
        opening?.continuation?.resume(returning: BrokerError(.closed, "closed before it was open"))
    }

    // What `run` needs.

    var isOver: Bool {
        book.withLock { book in
            if case .over = book.phase { true } else { false }
        }
    }

    func adopt(_ connection: LinkConnection) {
        shared.withLock { $0.connection = connection }
    }

    func change(to state: LinkState) {
        if note(state) { onStateChange(state) }
    }

    private func note(_ state: LinkState) -> Bool {
        shared.withLock { shared in
            defer { shared.state = state }
            return shared.state != state
        }
    }

    func restore(over outbox: LinkOutbox<ClientMessage>, _ grant: LinkGrant) -> Bool {
        shared.withLock { $0.capabilities = grant.capabilities }
        return book.withLock { $0.restore(over: outbox) }
    }

    func cut() {
        for effect in book.withLock({ $0.cut() }) { effect() }
    }

    func finish(_ error: BrokerError) {
        for effect in book.withLock({ $0.finish(error) }) { effect() }
    }

    /// Takes what the server said; on the event loop.
    func take(_ message: ServerMessage, over connection: LinkConnection) {
        var isReady = false
        switch message {
        case .sent(let batch, let outcomes):
            guard let effect = book.withLock({ $0.sent(batch, outcomes) }) else {
                return connection.end(LinkError(.malformed, "an answer that fits no batch"))
            }
            effect()
        case .settled(let request, let fenced): book.withLock { $0.settled(request, fenced) }?()
        case .delivered(let id, let deliveries):
            if case .subscription(let subscription)? = resource(id) { subscription.take(deliveries) }
        case .revoked(let id, let tokens):
            if case .subscription(let subscription)? = resource(id) { subscription.take(revoked: tokens) }
        case .inbox(let id, let records): if case .inbox(let inbox)? = resource(id) { inbox.take(records) }
        case .presence(let id, let events): if case .watch(let watch)? = resource(id) { watch.take(events) }
        case .opened(let id):
            let opened = book.withLock { $0.opened(id) }
            opened.continuation?.resume(returning: nil)
            isReady = opened.isReady
        case .failed(let id, let error):
            // What was open and cannot be opened now may be possible on another connection.
            let mustRetry = book.withLock { book in
                book.openings[id].map { $0.continuation == nil && error.isRetryable } ?? false
            }
            if mustRetry { return connection.end(LinkError(.lost, "could not open again: \(error)")) }
            let failed = book.withLock { $0.failed(id, error) }
            failed.effect?()
            isReady = failed.isReady
        case .ended(let id): book.withLock { $0.ended(id) }?.end()
        case .challenge, .authenticated, .refused: break
        }
        if isReady { becameReady() }
    }

    /// Says that the link is up, unless it is down again by now.
    func becameReady() {
        let isChange = book.withLock { book in
            guard case .ready = book.phase else { return false }
            return note(.connected(since: clock.now))
        }
        if isChange { onStateChange(state) }
    }

    private func resource(_ id: UInt32) -> LinkResource? { book.withLock { $0.openings[id]?.resource } }

    private func launch(_ records: [OutgoingRecord]) async -> [SendOutcome] {
        guard !records.isEmpty else { return [] }
        return await withCheckedContinuation { continuation in
            let refusal = book.withLock { book -> BrokerError? in
                switch book.phase {
                case .over(let error): return error
                case .ready(let outbox):
                    // A backlog of bodies is no reason to refuse a beat.
                    guard outbox.backlog(ofBulk: records.first?.lane == .data) < configuration.backlogBytes else {
                        return BrokerError(.overloaded(retryAfter: .milliseconds(100)), "the link is full")
                    }
                    book.launch(records, over: outbox, continuation)
                case .down, .restoring:
                    guard book.waitingRecords + records.count <= configuration.waitingRecords else {
                        return BrokerError(.notPersisted, "there is no link, and too much waits for one")
                    }
                    let id = book.freshID()
                    let deadline = loop.scheduleTask(in: TimeAmount(configuration.waitingTime)) { [self] in expire(id) }
                    book.wait(
                        LinkBook.Waiting(id: id, records: records, continuation: continuation, deadline: deadline))
                }
                return nil
            }
            if let refusal { continuation.resume(returning: records.map { _ in .failed(refusal) }) }
        }
    }

    private func expire(_ id: UInt32) {
        guard let send = book.withLock({ $0.expire(id) }) else { return }
        let error = BrokerError(.notPersisted, "there was no link for \(configuration.waitingTime)")
        send.continuation.resume(returning: send.records.map { _ in .failed(error) })
    }

    private func open(_ id: UInt32, _ message: ClientMessage, _ resource: LinkResource) async throws(BrokerError) {
        let deadline = loop.scheduleTask(in: TimeAmount(configuration.openingTime)) { [self] in
            book.withLock { $0.giveUpOpening(id) }?.continuation?.resume(
                returning: BrokerError(.notPersisted, "no link opened it within \(configuration.openingTime)"))
        }
        let error = await withCheckedContinuation { continuation in
            let refusal = book.withLock { book -> BrokerError? in
                if case .over(let error) = book.phase { return error }
                book.open(id, LinkBook.Opening(message: message, resource: resource, continuation: continuation))
                return nil
            }
            if let refusal { continuation.resume(returning: refusal) }
        }
        deadline.cancel()
        if let error { throw error }
    }
}
