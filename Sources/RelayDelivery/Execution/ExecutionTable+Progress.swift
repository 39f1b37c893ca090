public import RelayFormat

/// What the journal, the handlers and time do to requests in hand.
extension ExecutionTable {
    // MARK: The journal

    /// What an earlier boot had finished, and no dispatcher has confirmed.
    public mutating func restore(_ records: [JournalRecord], at now: RelayTime) {
        for record in records where entries[record.id] == nil && now < record.deadline {
            guard case .finished(let outcome) = record.state else { continue }
            let dispatch = Dispatch(
                id: record.id, attempt: record.attempt, group: record.group, dispatcher: record.dispatcher,
                origin: .none, requestClass: record.requestClass, deadline: record.deadline,
                dispatchUntil: record.deadline, mayBeRedelivery: false)
            entries[record.id] = Entry(dispatch: dispatch, state: .waiting, carriers: [], isJournaled: true)
            _ = conclude(record.id, outcome ?? Self.evicted, at: now)
        }
    }

    /// The journal has said what it knows of a request that was to be looked up.
    public mutating func resolve(_ id: RequestID, _ record: JournalRecord?, at now: RelayTime) -> [Step] {
        guard let entry = entries[id], case .resolving = entry.state else { return [] }
        switch record?.state {
        case .finished(let outcome):
            entries[id]?.isJournaled = true
            return (conclude(id, outcome ?? Self.evicted, at: now).map { [.respond($0)] } ?? []) + advance(at: now)
        case .interrupted where entry.dispatch.attempt <= (record?.attempt ?? 0):
            _ = remove(id)
            close(entry.dispatch, upTo: entry.dispatch.attempt)
            return [.interrupted(entry.dispatch, entry.carriers)] + advance(at: now)
        case nil, .claimed, .started, .interrupted:
            guard closed[id] != .max else {
                _ = remove(id)
                return [.settle(id, entry.carriers)] + advance(at: now)
            }
            guard entry.dispatch.isInTime(at: now) else { return giveBack(id, .late) + advance(at: now) }
            return [proceed(with: id, isResolved: true, at: now)]
        }
    }

    /// The journal has it on disk that these may start.
    public mutating func written(_ ids: [RequestID], at now: RelayTime) -> [Step] {
        var steps: [Step] = []
        for id in ids {
            guard let entry = entries[id] else { continue }
            switch entry.state {
            case .claimed(let since, isGranted: false, _):
                entries[id]?.state = .claimed(since: since, isGranted: false, isWritten: true)
            case .claimed, .writing:
                steps += entry.dispatch.isInTime(at: now) ? [run(id)] : giveBack(id, .late)
            case .resolving, .waiting, .running, .finished: break
            }
        }
        return steps + advance(at: now)
    }

    /// The journal did not answer, or did not take it that these start: they do not.
    public mutating func notWritten(_ ids: [RequestID], at now: RelayTime) -> [Step] {
        var steps: [Step] = []
        for id in ids {
            switch entries[id]?.state {
            case .resolving, .claimed, .writing: steps += giveBack(id, .journalUnavailable)
            case nil, .waiting, .running, .finished: break
            }
        }
        return steps + advance(at: now)
    }

    // MARK: Handlers

    /// Whether something was started of which its dispatcher has not heard.
    public var hasUnannounced: Bool { !unannounced.young.isEmpty || !unannounced.old.isEmpty }

    /// Those of them that have run since the last time, or whose response nobody has confirmed: it may wait in a slow link.
    ///
    /// ACCEPTED is to be said of each. What has only just begun is left for the next time.
    public mutating func takeUnannounced() -> [Dispatch] {
        let old = unannounced.old.compactMap { entries[$0]?.dispatch }
        unannounced = ([], unannounced.young.filter { entries[$0] != nil })
        return old
    }

    /// How a request that runs has ended, given what its handler says: a handler that was torn down knows less.
    public func ending(of id: RequestID, _ outcome: ResponseMessage.Outcome) -> ResponseMessage.Outcome {
        guard let entry = entries[id], case .running(isCancelled: true) = entry.state,
            case .failed(let failure) = outcome
        else { return outcome }
        switch failure.code {
        case .cancelled, .responseTooLarge, .deniedByPolicy: return outcome
        case .targetUnreachable: return .failed(RequestFailure(.cancelled, "cancelled before the service was reached"))
        default:
            return entry.dispatch.requestClass == .safe
                ? .failed(RequestFailure(.cancelled, "cancelled while the service had it"))
                : .failed(RequestFailure(.outcomeUnknown, "cancelled while the service had it"))
        }
    }

    /// The handler is done.
    ///
    /// - Returns: the response to send, nil when nobody waits for it any more; and what has its turn now.
    public mutating func finish(
        _ id: RequestID, _ outcome: ResponseMessage.Outcome, at now: RelayTime
    ) -> (reply: Reply?, steps: [Step]) {
        guard let entry = entries[id], case .running = entry.state else { return (nil, []) }
        return (conclude(id, ending(of: id, outcome), at: now), advance(at: now))
    }

    private mutating func conclude(
        _ id: RequestID, _ outcome: ResponseMessage.Outcome, at now: RelayTime
    ) -> Reply? {
        guard var entry = entries[id] else { return nil }
        entry.state = .finished(outcome, sendings: 1)
        entries[id] = entry
        finished += 1
        if alone == id { alone = nil }
        timers.set(min(now + limits.repetition, entry.dispatch.deadline), for: id)
        return Reply(dispatch: entry.dispatch, outcome: outcome)
    }

    /// RECEIPT has come.
    public mutating func receipt(_ ids: [RequestID], at now: RelayTime) -> Settlement {
        var settlement = Settlement()
        for id in ids {
            guard case .finished = entries[id]?.state, let entry = settle(id) else { continue }
            settlement.carriers += entry.carriers
            if entry.isJournaled { settlement.journaled.append(id) }
        }
        return settlement
    }

    /// Takes an entry out for good; what must not run twice is remembered, lest another record start it again.
    private mutating func settle(_ id: RequestID) -> Entry? {
        guard let entry = remove(id) else { return nil }
        if entry.dispatch.requestClass != .safe { close(entry.dispatch, upTo: .max) }
        return entry
    }

    // MARK: Time

    /// Time passed: claims are said again or given up, responses are sent again or given up.
    public mutating func tick(at now: RelayTime) -> [Step] {
        var steps: [Step] = []
        var bytes = isSendingSlow ? limits.burst : 0
        for id in timers.takeDue(at: now) {
            guard let entry = entries[id] else { continue }
            switch entry.state {
            case .resolving, .running: break
            case .waiting: steps += giveBack(id, .busy)
            case .claimed(let since, isGranted: false, _):
                if now >= since + limits.grant {
                    steps += giveBack(id, .noGrant)
                } else {
                    steps.append(.claim(entry.dispatch, isWritten: true))
                    timers.set(since + limits.grant, for: id)
                }
            case .claimed, .writing: steps += giveBack(id, .late)
            case .finished(let outcome, let sendings):
                steps += repetition(of: entry, outcome, sendings: sendings, bytes: &bytes, at: now)
            }
        }
        closed.forget(at: now)
        return steps + advance(at: now)
    }

    private mutating func repetition(
        of entry: Entry, _ outcome: ResponseMessage.Outcome, sendings: Int, bytes: inout Int, at now: RelayTime
    ) -> [Step] {
        let dispatch = entry.dispatch
        guard now < dispatch.deadline else {
            return settle(dispatch.id).map { [.settle(dispatch.id, $0.carriers)] } ?? []
        }
        guard bytes < limits.burst else {
            // The rest goes out with the next ticks, lest the outbox hold all bodies a second time.
            timers.set(now, for: dispatch.id)
            return []
        }
        let size = if case .http(let content) = outcome { content.body.count } else { 0 }
        bytes += size
        let spent = sendings < Self.patience ? [] : keep(dispatch.id, size)
        entries[dispatch.id]?.state = .finished(outcome, sendings: sendings + 1)
        timers.set(min(now + limits.repetition * (1 << min(sendings, 3)), dispatch.deadline), for: dispatch.id)
        return (spent.isEmpty ? [] : [.settle(dispatch.id, spent)])
            + [.respond(Reply(dispatch: dispatch, outcome: outcome))]
    }

    /// Keeps a response beside the bound whose dispatcher says nothing: it may be down for long, and others are not.
    ///
    /// What is in the broker's queue is not needed for it: its dispatcher makes it again if this process dies.
    /// - Returns: the carriers that can be settled.
    private mutating func keep(_ id: RequestID, _ size: Int) -> [Carrier] {
        guard let entry = entries[id] else { return [] }
        if entry.keptBytes == nil {
            guard kept.count < limits.kept, kept.bytes + size <= limits.keptBytes else { return [] }
            kept = (kept.count + 1, kept.bytes + size)
            entries[id]?.keptBytes = size
        }
        entries[id]?.carriers = []
        return entry.carriers
    }

    /// After how many sendings a dispatcher counts as one that says nothing: a few seconds.
    private static var patience: Int { 2 }

    /// The earliest moment at which something is due; may be too early, never too late.
    public var earliestDue: RelayTime? { timers.earliest }

    private static var evicted: ResponseMessage.Outcome {
        .failed(RequestFailure(.outcomeUnknown, "it ran and ended; the connector's journal had no room for its answer"))
    }
}
