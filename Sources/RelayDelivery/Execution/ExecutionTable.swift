public import RelayFormat

/// The connector's memory of requests: what waits, what it runs, what it has finished and nobody has confirmed.
///
/// `Carrier` names the broker record that brought a dispatch, and is handed back when the record can be settled. After
/// that the request's id alone is kept until its deadline, so that no record can start it again. A dispatch that was
/// given back is remembered in the same way, since RETURN promises that it is never started here.
///
/// Every event returns steps, which its owner carries out in their order.
public struct ExecutionTable<Carrier: Sendable>: ~Copyable, Sendable {
    let limits: Limits
    /// Whether what must not run twice is written down before it starts.
    let hasJournal: Bool
    var entries: [RequestID: Entry] = [:]
    /// How many of the entries have finished.
    var finished = 0
    /// How many of those are kept beside the bound, since their dispatcher says nothing, and how large they are.
    var kept = (count: 0, bytes: 0)
    /// The request that runs alone, or waits for it.
    var alone: RequestID?
    /// When an entry has to be looked at again.
    var timers = DeadlineQueue<RequestID>()
    var closed: ClosedRequests
    /// What was started without a word to its dispatcher: since it was last asked for that, and before.
    var unannounced: (young: [RequestID], old: [RequestID]) = ([], [])
    /// Whether new work is given back.
    public var isRefusing = false
    /// Whether what was sent may still be on its way; then no response is sent again.
    public var isSendingSlow = false

    /// Starts with nothing in hand.
    public init(limits: Limits = Limits(), hasJournal: Bool = false) {
        self.limits = limits
        self.hasJournal = hasJournal
        closed = ClosedRequests(limit: limits.settled)
    }

    /// How many requests wait, run, or wait for their receipt.
    public var count: Int { entries.count }

    /// How many requests wait or run.
    public var active: Int { entries.count - finished }

    /// How many requests take up room: those of a dispatcher that says nothing must not keep out those of others.
    public var occupied: Int { entries.count - kept.count }

    /// How many requests would still be taken.
    public var credit: Int { isRefusing || alone != nil ? 0 : max(0, limits.requests - occupied) }

    /// The carriers of all that is in hand.
    public var carriers: [Carrier] { entries.values.flatMap(\.carriers) }

    /// A dispatch has come.
    ///
    /// - Parameters:
    ///   - offer: what the connector's configuration says of it.
    ///   - gate: asked last, and only about what would start or be claimed: whether its service has room.
    public mutating func admit(
        _ dispatch: Dispatch, carrier: Carrier?, offer: Offer = .offered, gate: () -> Bool = { true },
        at now: RelayTime
    ) -> Step {
        closed.forget(at: now)
        let carriers = carrier.map { [$0] } ?? []
        if let step = meet(dispatch, carriers) { return step }
        let closedUpTo = closed[dispatch.id] ?? 0
        guard now < dispatch.deadline else { return .settle(dispatch.id, carriers) }
        if closedUpTo == .max {
            // It has run here; the journal may still have its answer.
            guard isJournaled(dispatch), occupied < limits.requests else {
                return .settle(dispatch.id, carriers)
            }
            entries[dispatch.id] = Entry(dispatch: dispatch, state: .resolving, carriers: carriers)
            return .lookUp(dispatch)
        }
        if let reason = refusal(of: dispatch, closedUpTo: closedUpTo, offer: offer, at: now) {
            return giveBack(dispatch, reason, carriers)
        }
        if case .denied(let failure) = offer {
            entries[dispatch.id] = Entry(dispatch: dispatch, state: .running(isCancelled: false), carriers: carriers)
            return .deny(dispatch, failure)
        }
        guard gate() else { return giveBack(dispatch, .busy, carriers) }
        entries[dispatch.id] = Entry(dispatch: dispatch, state: .waiting, carriers: carriers)
        if dispatch.runsAlone {
            alone = dispatch.id
            guard active == 1 else {
                timers.set(min(now + limits.solitude, dispatch.dispatchUntil), for: dispatch.id)
                return .wait
            }
        }
        return proceed(with: dispatch.id, isResolved: false, at: now)
    }

    /// What becomes of a dispatch whose request is in hand already; nil when it is not.
    private mutating func meet(_ dispatch: Dispatch, _ carriers: [Carrier]) -> Step? {
        guard var entry = entries[dispatch.id] else { return nil }
        // The newest dispatch tells where the answer is awaited.
        if dispatch.attempt >= entry.dispatch.attempt {
            entry.dispatch.attempt = dispatch.attempt
            entry.dispatch.dispatcher = dispatch.dispatcher
            entry.dispatch.origin = dispatch.origin
        }
        entry.carriers += carriers
        entries[dispatch.id] = entry
        switch entry.state {
        case .resolving, .waiting: return .wait
        case .claimed(_, isGranted: false, _): return .claim(entry.dispatch, isWritten: true)
        case .claimed, .writing, .running: return .accept(entry.dispatch)
        case .finished where isSendingSlow: return .accept(entry.dispatch)
        case .finished(let outcome, _): return .respond(Reply(dispatch: entry.dispatch, outcome: outcome))
        }
    }

    private func refusal(
        of dispatch: Dispatch, closedUpTo: UInt32, offer: Offer, at now: RelayTime
    ) -> ReturnMessage.Reason? {
        if dispatch.attempt <= closedUpTo || now >= dispatch.dispatchUntil { return .late }
        if case .unknown = offer { return .serviceUnknown }
        if isRefusing { return .draining }
        return occupied < limits.requests && alone == nil ? nil : .busy
    }

    /// Takes an entry that waits to its next state.
    mutating func proceed(with id: RequestID, isResolved: Bool, at now: RelayTime) -> Step {
        guard var entry = entries[id] else { return .wait }
        let dispatch = entry.dispatch
        timers.remove(id)
        defer { entries[id] = entry }
        if isJournaled(dispatch), !isResolved, dispatch.mayBeRedelivery || dispatch.attempt > 1 {
            entry.state = .resolving
            return .lookUp(dispatch)
        }
        if dispatch.requestClass == .once || dispatch.mayBeRedelivery {
            entry.isJournaled = isJournaled(dispatch)
            entry.state = .claimed(since: now, isGranted: false, isWritten: !entry.isJournaled)
            timers.set(now + limits.claimRepetition, for: id)
            return .claim(dispatch, isWritten: !entry.isJournaled)
        }
        if isJournaled(dispatch) {
            entry.isJournaled = true
            entry.state = .writing
            timers.set(min(dispatch.dispatchUntil, dispatch.deadline), for: id)
            return .write(dispatch)
        }
        entry.state = .running(isCancelled: false)
        unannounced.young.append(id)
        return .run(dispatch)
    }

    func isJournaled(_ dispatch: Dispatch) -> Bool { hasJournal && dispatch.requestClass != .safe }

    /// Records of lost leases: their carriers cannot settle anything any more.
    public mutating func drop(where isLost: (Carrier) -> Bool) {
        for id in entries.keys {
            entries[id]?.carriers.removeAll(where: isLost)
        }
    }

    // MARK: Letting go

    /// Takes an entry out; what waits to run alone may then have its turn, through `advance`.
    mutating func remove(_ id: RequestID) -> Entry? {
        timers.remove(id)
        if alone == id { alone = nil }
        guard let entry = entries.removeValue(forKey: id) else { return nil }
        if entry.state.isFinished { finished -= 1 }
        if let bytes = entry.keptBytes { kept = (kept.count - 1, kept.bytes - bytes) }
        return entry
    }

    /// The request that has to run alone has its turn when nothing else runs any more.
    mutating func advance(at now: RelayTime) -> [Step] {
        guard let id = alone, let entry = entries[id], case .waiting = entry.state, active == 1 else { return [] }
        return [proceed(with: id, isResolved: false, at: now)]
    }

    /// Gives back a dispatch that has no entry.
    private mutating func giveBack(_ dispatch: Dispatch, _ reason: ReturnMessage.Reason, _ carriers: [Carrier]) -> Step
    {
        close(dispatch, upTo: dispatch.attempt)
        return .giveBack(dispatch, reason, carriers)
    }

    /// Gives back a request that has an entry and was not started.
    mutating func giveBack(_ id: RequestID, _ reason: ReturnMessage.Reason) -> [Step] {
        guard let entry = remove(id) else { return [] }
        close(entry.dispatch, upTo: entry.dispatch.attempt)
        return (entry.isJournaled ? [.withdraw(entry.dispatch.name)] : [])
            + [.giveBack(entry.dispatch, reason, entry.carriers)]
    }

    /// Remembers that a request must not be started; what must never run twice outlasts a step of the clock, too.
    mutating func close(_ dispatch: Dispatch, upTo attempt: UInt32) {
        let margin: Duration = dispatch.requestClass == .safe ? .zero : .seconds(60)
        closed.close(dispatch.id, upTo: attempt, until: dispatch.deadline + margin)
    }
}
