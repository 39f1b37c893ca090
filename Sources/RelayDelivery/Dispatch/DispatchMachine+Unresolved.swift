internal import RelayFormat

/// What ended as unknown, and may still become known.
extension DispatchMachine {
    mutating func keepUnresolved(_ request: Unresolved) {
        if unresolved.count >= limits.unresolved,
            let oldest = unresolved.min(by: { $0.value.ending.at < $1.value.ending.at })?.key
        {
            unresolved[oldest] = nil
        }
        unresolved[request.submission.id] = request
    }

    /// A reply to a request that had ended as unknown: nil when it is none of these.
    mutating func resolve(
        _ dispatch: DispatchName, by header: RelayHeader, outcome: ResponseMessage.Outcome, at now: Moment
    ) -> [Action]? {
        guard var request = unresolved[dispatch.request], request.ending.attempt == dispatch.attempt,
            request.progress.holder?.member == header.sender
        else { return nil }
        let receipt = Action.receipt(header.boot, dispatch.request)
        guard outcome.failure != .outcomeUnknown else {
            return dismiss(&request, by: header, why: outcome.text, at: now, then: [receipt])
        }
        unresolved[dispatch.request] = nil
        let name = name(of: header)
        request.events.append(
            RequestEvent(
                at: now.wall, .resolved, attempt: dispatch.attempt, connector: name, detail: outcome.text))
        let ending = RequestEnding(
            outcome, connector: header.sender, connectorName: name, attempt: dispatch.attempt, at: now.wall)
        return told(request, ending, then: [receipt, .resolved(request.submission, ending, request.events)])
    }

    /// What the connector says of a request that had ended as unknown.
    mutating func settleUnresolved(
        _ entry: KnownMessage.Entry, by header: RelayHeader, at now: Moment
    ) -> [Action] {
        guard var request = unresolved[entry.dispatch.request], request.ending.attempt == entry.dispatch.attempt,
            request.progress.holder?.member == header.sender
        else { return [] }
        switch entry.knowledge {
        case .queued, .running, .finished: return []
        case .notKnown, .interrupted: return dismiss(&request, by: header, why: entry.knowledge.text, at: now)
        }
    }

    /// Notes that nothing more will be known.
    private mutating func dismiss(
        _ request: inout Unresolved, by header: RelayHeader, why: String, at now: Moment, then actions: [Action] = []
    ) -> [Action] {
        unresolved[request.submission.id] = nil
        request.events.append(
            RequestEvent(
                at: now.wall, .known, attempt: request.ending.attempt, connector: name(of: header), detail: why))
        return told(
            request, request.ending,
            then: actions + [.resolved(request.submission, request.ending, request.events)])
    }

    private mutating func told(
        _ request: Unresolved, _ ending: RequestEnding, then actions: [Action]
    ) -> [Action] {
        guard request.submission.isDurable else { return actions }
        resolving.insert(request.submission.id)
        var progress = request.progress
        progress.standing = .waiting
        progress.holder = nil
        let change = LedgerChange(
            id: request.submission.id, progress: progress, events: Array(request.events[request.recordedEvents...]),
            ending: ending)
        return [.record(change, then: actions + [.close(request.submission.id)])]
    }

    /// Asks the connectors that had them, whichever boot of theirs is there now; again after half a minute.
    mutating func askForUnresolved(at now: Moment) -> [Action] {
        guard !unresolved.isEmpty else { return [] }
        var questions: [BootID: [DispatchName]] = [:]
        for (id, request) in unresolved {
            guard now.wall < request.ending.at + limits.resolution else {
                unresolved[id] = nil
                continue
            }
            guard request.askedAt.map({ now.steady - $0 >= .seconds(30) }) ?? true,
                let member = request.progress.holder?.member, let boot = presence.boot(of: member)
            else { continue }
            unresolved[id]?.askedAt = now.steady
            questions[boot, default: []].append(request.name)
        }
        return questions.map { .ask($0.key, $0.value) }
    }
}
