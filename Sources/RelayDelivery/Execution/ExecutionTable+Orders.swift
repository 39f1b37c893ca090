public import RelayFormat

/// What dispatchers say of requests in hand.
extension ExecutionTable {
    /// GRANT has come: what is claimed and written down may start.
    public mutating func grant(_ names: [DispatchName], at now: RelayTime) -> [Step] {
        var steps: [Step] = []
        for name in names {
            guard var entry = entries[name.request], entry.dispatch.attempt == name.attempt,
                case .claimed(let since, isGranted: false, let isWritten) = entry.state
            else { continue }
            guard now < since + limits.grant, entry.dispatch.isInTime(at: now) else {
                // The process was held up: what it was granted then may be another's by now.
                steps += giveBack(name.request, .noGrant)
                continue
            }
            entry.state = .claimed(since: since, isGranted: true, isWritten: isWritten)
            entries[name.request] = entry
            if isWritten {
                steps.append(run(name.request))
            } else {
                timers.set(min(entry.dispatch.dispatchUntil, entry.dispatch.deadline), for: name.request)
            }
        }
        return steps + advance(at: now)
    }

    /// CANCEL has come: what has not started never will, and what runs is torn down where the mode says so.
    public mutating func cancel(_ names: [DispatchName], mode: CancelMessage.Mode, at now: RelayTime) -> [Step] {
        var steps: [Step] = []
        for name in names {
            guard var entry = entries[name.request] else {
                close(name, at: now)
                continue
            }
            guard entry.dispatch.attempt <= name.attempt else { continue }
            switch entry.state {
            case .resolving, .waiting, .claimed, .writing:
                _ = remove(name.request)
                close(entry.dispatch, upTo: name.attempt)
                if entry.isJournaled { steps.append(.withdraw(entry.dispatch.name)) }
                steps.append(.settle(name.request, entry.carriers))
            case .running(isCancelled: false) where mode == .stop || entry.dispatch.requestClass == .safe:
                entry.state = .running(isCancelled: true)
                entries[name.request] = entry
                steps.append(.stop(name.request))
            case .running, .finished: break
            }
        }
        return steps + advance(at: now)
    }

    /// ASK has come.
    ///
    /// - Returns: what is known of each dispatch, nil where only the journal could know more; and the responses of what
    ///   has finished.
    public func ask(_ names: [DispatchName]) -> (known: [KnownMessage.Knowledge?], replies: [Reply]) {
        var replies: [Reply] = []
        let known = names.map { name -> KnownMessage.Knowledge? in
            guard let entry = entries[name.request] else { return nil }
            if case .finished(let outcome, _) = entry.state {
                replies.append(Reply(dispatch: entry.dispatch, outcome: outcome))
            }
            return entry.state.knowledge
        }
        return (known, replies)
    }

    /// The dispatcher is about to hear that a dispatch is not known here: it is never started from now on.
    ///
    /// - Returns: what is true instead, when the dispatch has come meanwhile.
    public mutating func deny(_ name: DispatchName, at now: RelayTime) -> KnownMessage.Knowledge {
        if let entry = entries[name.request] { return entry.state.knowledge }
        // It ran here, and nobody knows how it ended any more: no leave to run it elsewhere.
        if closed[name.request] == .max { return .interrupted }
        close(name, at: now)
        return .notKnown
    }

    /// A dispatcher sees this process for the first time, or again: it is told all that is held of its requests.
    public mutating func invited(by dispatcher: MemberID, at now: RelayTime) -> [Step] {
        var steps: [Step] = []
        for (id, entry) in entries where entry.dispatch.dispatcher == dispatcher {
            switch entry.state {
            case .resolving, .waiting: break
            case .claimed(_, isGranted: false, _): steps.append(.claim(entry.dispatch, isWritten: true))
            case .claimed, .writing, .running: steps.append(.accept(entry.dispatch))
            // Their bodies go out in portions, as time passes.
            case .finished: timers.set(now, for: id)
            }
        }
        return steps + tick(at: now)
    }

    /// Gives back all that has not started, and from now on all that comes.
    public mutating func refuseAll(at now: RelayTime) -> [Step] {
        isRefusing = true
        let waiting = entries.filter { entry in
            switch entry.value.state {
            case .resolving, .waiting, .claimed, .writing: true
            case .running, .finished: false
            }
        }
        return waiting.keys.flatMap { giveBack($0, .draining) }
    }

    mutating func run(_ id: RequestID) -> Step {
        guard var entry = entries[id] else { return .wait }
        timers.remove(id)
        entry.state = .running(isCancelled: false)
        entries[id] = entry
        return .run(entry.dispatch)
    }

    /// Remembers that no dispatch of a request up to the given one is started, although its deadline is not known.
    private mutating func close(_ name: DispatchName, at now: RelayTime) {
        closed.close(name.request, upTo: name.attempt, until: now + RelayLimits.dispatch + .seconds(60))
    }
}

extension ExecutionTable.State {
    var knowledge: KnownMessage.Knowledge {
        switch self {
        case .resolving, .waiting, .claimed, .writing: .queued
        case .running: .running
        case .finished: .finished
        }
    }
}
