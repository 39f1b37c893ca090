public import RelayFormat

/// What connectors say.
extension DispatchMachine {
    /// A boot said ACCEPTED: it runs the dispatch.
    public mutating func accepted(_ dispatch: DispatchName, by header: RelayHeader, at now: Moment) -> [Action] {
        guard hears(header.sender) else { return [] }
        let (id, boot) = (dispatch.request, header.boot)
        guard let tracked = requests[id] else { return [.cancel(boot, dispatch, .unwanted)] }
        if case .ending = tracked.state { return [.cancel(boot, dispatch, .unwanted)] }
        // The order to end it may have been lost, or this boot may not have been known to have it.
        let told: [Action] = tracked.isCancelled ? [.cancel(boot, dispatch, .stop)] : []
        if tracked.holderBoot == boot, tracked.attempt == dispatch.attempt { requests[id]?.lastSign = now.steady }
        guard tracked.attempt == dispatch.attempt, tracked.submission.requestClass != .once else { return told }
        switch tracked.state {
        case .ending, .granted: return told
        case .held(boot): return told
        case .held where isGone(boot): return told
        case .waiting, .dispatched, .held: break
        }
        take(id, as: .held(by: boot), from: header, at: now)
        note(id, .accepted, at: now.wall, connector: requests[id]?.holder?.name ?? "")
        let actions = recorded(id, told)
        // Its end may be seen before its word: presence and inbox come by different ways.
        guard isGone(boot) else { return actions }
        return actions + move(requestsOf: boot, isLost: presence.peers[boot]?.standing == .lost, at: now)
    }

    /// A boot said CLAIM: it has the dispatch, and waits for the leave to run it.
    public mutating func claimed(_ claim: ClaimMessage.Claim, by header: RelayHeader, at now: Moment) -> [Action] {
        guard hears(header.sender) else { return [] }
        let (id, boot, dispatch) = (claim.dispatch.request, header.boot, claim.dispatch)
        guard let tracked = requests[id] else { return [.cancel(boot, dispatch, .unwanted)] }
        if case .ending = tracked.state { return [.cancel(boot, dispatch, .unwanted)] }
        guard !refuses(dispatch, to: boot, tracked, at: now) else {
            note(
                id, .refused, at: now.wall, attempt: dispatch.attempt, connector: name(of: header),
                detail: refusal(of: dispatch, tracked, at: now))
            // The claim may be one that came twice, and its grant be under way: only a cancel ends what runs.
            return recorded(id, [.cancel(boot, dispatch, tracked.isCancelled ? .stop : .unwanted)])
        }
        // A link that closed behind the claim leaves nobody to grant it to; the request is placed anew as it is.
        guard !isGone(boot) else { return [] }
        requests[id]?.lastSign = now.steady
        let strictest = max(tracked.submission.requestClass, claim.requestClass)
        requests[id]?.submission.requestClass = strictest
        // A claim of what need not be claimed says that the record may have come to another before.
        if strictest == .keyed { requests[id]?.doubts.insert(0) }
        let isAgain = tracked.holderBoot == boot
        let state: State = strictest == .once ? .granted(to: boot) : .held(by: boot)
        take(id, as: state, from: header, at: now)
        if !isAgain { note(id, .claimed, at: now.wall, connector: name(of: header)) }
        note(id, .granted, at: now.wall, connector: name(of: header), detail: isAgain ? "again" : "")
        return recorded(id, [.grant(boot, dispatch)])
    }

    /// Whether a claim must not be granted: one leave at a time, to the newest dispatch, and before the deadline.
    private func refuses(_ dispatch: DispatchName, to boot: BootID, _ tracked: Tracked, at now: Moment) -> Bool {
        guard tracked.attempt == dispatch.attempt, !tracked.isCancelled, now.wall < tracked.submission.deadline
        else { return true }
        switch tracked.state {
        case .ending: return true
        case .waiting, .dispatched(.group, _): return false
        case .dispatched(.inbox(let addressee), _): return addressee != boot
        case .held(let holder), .granted(let holder): return holder != boot
        }
    }

    private func refusal(of dispatch: DispatchName, _ tracked: Tracked, at now: Moment) -> String {
        if tracked.attempt != dispatch.attempt { return "a newer attempt is under way" }
        if tracked.isCancelled { return "it was cancelled" }
        if now.wall >= tracked.submission.deadline { return "its deadline has passed" }
        return "another connector has it"
    }

    /// A boot gave a dispatch back, and will never start it.
    public mutating func returned(
        _ dispatch: DispatchName, by boot: BootID, reason: ReturnMessage.Reason, at now: Moment
    ) -> [Action] {
        let id = dispatch.request
        guard presence.peers[boot].map({ hears($0.member) }) ?? true else { return [] }
        guard let tracked = requests[id], tracked.attempt == dispatch.attempt else { return [] }
        if case .ending = tracked.state { return [] }
        // Who is not known to have it may give back what only he was sent, or what anyone could take.
        if let holder = tracked.boot, holder != boot { return [] }
        release(id)
        requests[id]?.doubts.remove(dispatch.attempt)
        note(id, .returned, at: now.wall, connector: name(of: boot), detail: reason.text)
        requests[id]?.isCrowdedOut = reason == .busy
        unsettled.insert(id)
        guard reason != .busy else {
            // There may be room by the next tick; asking again at once would only go in circles.
            return recorded(id, [])
        }
        requests[id]?.refusedBy.insert(boot)
        requests[id]?.returns += 1
        // Everybody may be giving it back: each round waits longer than the last.
        let rounds = max(0, tracked.returns - 3)
        if rounds > 0 { requests[id]?.holdOff = now.steady + .milliseconds(100) * (1 << min(rounds, 6)) }
        return place(id, at: now)
    }

    /// A boot answered; every answer is confirmed by a receipt, when the ledger has what it needs of it.
    public mutating func responded(
        _ dispatch: DispatchName, by header: RelayHeader, outcome: ResponseMessage.Outcome, at now: Moment
    ) -> [Action] {
        guard hears(header.sender) else {
            // No receipt: let in again, it says it again, and then it is judged as any late reply.
            lateReplies += 1
            return []
        }
        let (id, boot) = (dispatch.request, header.boot)
        let receipt = Action.receipt(boot, id)
        // The receipt comes when the ledger has the end; until then the connector says it again.
        guard !resolving.contains(id) else { return [] }
        guard let tracked = requests[id] else {
            return resolve(dispatch, by: header, outcome: outcome, at: now) ?? late(receipt)
        }
        switch tracked.state {
        case .ending: return []
        // It answered before it had to say that it runs it.
        case .dispatched(.group, let since) where tracked.attempt == dispatch.attempt:
            presence.took(boot, dispatchedAt: since, at: now.steady)
        case .waiting, .dispatched, .held, .granted: break
        }
        guard counts(outcome, of: dispatch, by: header, for: tracked) else {
            note(id, .late, at: now.wall, attempt: dispatch.attempt, connector: name(of: header), detail: outcome.text)
            lateReplies += 1
            return recorded(id, [receipt])
        }
        // Another attempt may be under way: nobody waits for it any more.
        let told: [Action] =
            if let other = tracked.boot, other != boot { [receipt, .cancel(other, tracked.name, .unwanted)] } else {
                [receipt]
            }
        return end(
            id, tracked.honest(outcome, of: dispatch.attempt), connector: header.sender, name: name(of: header),
            attempt: dispatch.attempt, at: now.wall, then: told)
    }

    private mutating func late(_ receipt: Action) -> [Action] {
        lateReplies += 1
        return [receipt]
    }

    /// Whether a reply ends the request.
    ///
    /// `safe`, `keyed`: the first of any attempt. `once`: that of the connector with the leave, whose next boot may say
    /// it from the journal, or one that says that nothing was started while nobody has the leave.
    private func counts(
        _ outcome: ResponseMessage.Outcome, of dispatch: DispatchName, by header: RelayHeader, for tracked: Tracked
    ) -> Bool {
        let (failure, boot) = (outcome.failure, header.boot)
        if case .granted = tracked.state {
            return tracked.holder?.member == header.sender && tracked.attempt == dispatch.attempt
        }
        if tracked.submission.requestClass == .once {
            guard let failure else { return false }
            return failure != .outcomeUnknown && failure != .cancelled && tracked.attempt == dispatch.attempt
        }
        switch failure {
        case .outcomeUnknown, .cancelled:
            // Another may be at it, or will be.
            return tracked.attempt == dispatch.attempt && (tracked.boot ?? boot) == boot
        default:
            return true
        }
    }

    /// A boot said what it knows of a dispatch that it was asked about.
    public mutating func known(_ entry: KnownMessage.Entry, by header: RelayHeader, at now: Moment) -> [Action] {
        guard hears(header.sender) else { return [] }
        let (id, boot) = (entry.dispatch.request, header.boot)
        guard let tracked = requests[id] else { return settleUnresolved(entry, by: header, at: now) }
        guard tracked.attempt == entry.dispatch.attempt else { return [] }
        if case .ending = tracked.state { return [] }
        // Of a boot that has ended, its successor knows, also where nobody was known to have it.
        guard tracked.boot == boot || tracked.boot == nil && entry.knowledge == .interrupted else { return [] }
        requests[id]?.lastSign = now.steady
        guard entry.knowledge == .notKnown || entry.knowledge == .interrupted else { return [] }
        note(id, .known, at: now.wall, connector: name(of: header), detail: entry.knowledge.text)
        if entry.knowledge == .notKnown {
            requests[id]?.doubts.remove(tracked.attempt)
            requests[id]?.refusedBy.insert(boot)
        } else if case .granted = tracked.state {
            let failure = RequestFailure(.outcomeUnknown, "\(name(of: header)) ended while it ran")
            return end(id, .failed(failure), connector: header.sender, name: name(of: header), at: now.wall)
        } else if tracked.submission.requestClass != .once {
            requests[id]?.lostWith[tracked.attempt] = BootID.none
        }
        release(id)
        return place(id, at: now)
    }

    // MARK: Hands

    func isGone(_ boot: BootID) -> Bool {
        let standing = presence.peers[boot]?.standing
        return standing == .lost || standing == .suspect(.linkClosed)
    }

    func name(of boot: BootID) -> String { presence.peers[boot]?.name ?? "\(boot)" }

    /// The name of who says something: its id while none of its beats has been heard, which come by another way.
    func name(of header: RelayHeader) -> String { presence.peers[header.boot]?.name ?? "\(header.sender)" }

    /// Puts a request into the hand of the boot that spoke.
    private mutating func take(_ id: RequestID, as state: State, from header: RelayHeader, at now: Moment) {
        hold(id, as: state, at: now)
        let name = name(of: header)
        requests[id]?.holder = RequestProgress.Holder(member: header.sender, boot: header.boot, name: name)
        if presence.peers[header.boot] == nil, strangers[header.boot] == nil {
            strangers[header.boot] = (header.sender, now.steady)
        }
    }

    mutating func hold(_ id: RequestID, as state: State, at now: Moment) {
        guard let index = requests.index(forKey: id) else { return }
        let former = requests.values[index].boot
        let sentToGroup: ContinuousClock.Instant? =
            if case .dispatched(.group, let since) = requests.values[index].state { since } else { nil }
        requests.values[index].enter(state, at: now.steady)
        let boot = requests.values[index].boot
        pass(id, from: former, to: boot)
        if let boot, let sentToGroup { presence.took(boot, dispatchedAt: sentToGroup, at: now.steady) }
        if !unsettled.isEmpty { unsettled.remove(id) }
    }

    /// Takes a request out of whatever hand it is in.
    mutating func release(_ id: RequestID) {
        guard let index = requests.index(forKey: id) else { return }
        let former = requests.values[index].boot
        requests.values[index].state = .waiting
        pass(id, from: former, to: nil)
    }

    private mutating func pass(_ id: RequestID, from former: BootID?, to boot: BootID?) {
        guard former != boot else { return }
        if let former {
            inHand[former]?.remove(id)
            if inHand[former]?.isEmpty == true { inHand[former] = nil }
        }
        if let boot { inHand[boot, default: []].insert(id) }
    }

    // MARK: Ends

    /// Ends a request: answers its caller, at once or when the ledger has the end.
    mutating func end(
        _ id: RequestID, _ outcome: ResponseMessage.Outcome, connector: MemberID? = nil, name: String? = nil,
        attempt: UInt32? = nil, at now: RelayTime, then actions: [Action] = []
    ) -> [Action] {
        guard var tracked = take(out: id) else { return actions }
        let ending = RequestEnding(
            outcome, connector: connector, connectorName: name, attempt: attempt ?? tracked.attempt, at: now)
        if let failure = outcome.failure {
            if failure != .cancelled || !tracked.events.contains(where: { $0.kind == .cancelled }) {
                tracked.note(.failed, at: now, attempt: ending.attempt, connector: name ?? "", detail: outcome.text)
            }
        } else {
            tracked.note(.answered, at: now, attempt: ending.attempt, connector: name ?? "", detail: outcome.text)
        }
        var progress = tracked.progress
        // Where the connector itself does not know, nobody ever will.
        let isUnresolved = progress.standing == .granted && ending.isUnknown && connector == nil
        if !isUnresolved, progress.standing == .granted {
            progress.standing = .waiting
            progress.holder = nil
        }
        if isUnresolved {
            keepUnresolved(
                Unresolved(
                    submission: tracked.submission, ending: ending, progress: progress, events: tracked.events,
                    recordedEvents: tracked.events.count))
        }
        let answer = Action.answer(tracked.submission, tracked.payload, ending, tracked.events)
        guard tracked.submission.isDurable else {
            bytes -= tracked.submission.size
            return actions + [answer]
        }
        let change = LedgerChange(
            id: id, progress: progress, events: Array(tracked.events[tracked.recordedEvents...]), ending: ending)
        tracked.state = .ending
        tracked.recordedEvents = tracked.events.count
        requests[id] = tracked
        return [.record(change, then: actions + [answer, .close(id)])]
    }

    mutating func forget(_ id: RequestID) {
        if let tracked = take(out: id) { bytes -= tracked.submission.size }
    }

    /// Takes a request out of whatever hand it is in, and out of the machine.
    private mutating func take(out id: RequestID) -> Tracked? {
        guard let tracked = requests.removeValue(forKey: id) else { return nil }
        pass(id, from: tracked.boot, to: nil)
        deadlines.remove(id)
        if !unsettled.isEmpty { unsettled.remove(id) }
        return tracked
    }
}

extension ResponseMessage.Outcome {
    /// Why there is no answer of the service; nil when there is one.
    var failure: RequestFailure.Code? {
        if case .failed(let failure) = self { failure.code } else { nil }
    }

    /// The outcome in a few words.
    var text: String {
        switch self {
        // Written for each call, so without the costs of an interpolation.
        case .http(let content): "status " + String(content.status) + ", " + String(content.body.count) + " bytes"
        case .failed(let failure): "\(failure)"
        }
    }
}

extension ReturnMessage.Reason {
    /// The reason for people.
    var text: String {
        switch self {
        case .draining: "it is on its way out, or paused"
        case .serviceUnknown: "it does not offer the service"
        case .busy: "it has no room"
        case .late: "the dispatch came too late"
        case .noGrant: "nobody granted its claim in time"
        case .journalUnavailable: "it cannot write its journal"
        case .epoch: "it does not hold the key epoch"
        }
    }
}

extension KnownMessage.Knowledge {
    /// The knowledge for people.
    var text: String {
        switch self {
        case .notKnown: "it does not know it"
        case .queued: "it has not started"
        case .running: "it runs"
        case .finished: "it has finished"
        case .interrupted: "it had started when the connector's process was ended"
        }
    }
}
