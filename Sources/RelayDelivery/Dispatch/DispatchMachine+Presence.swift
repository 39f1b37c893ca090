public import RelayFormat

/// What presence and time bring.
extension DispatchMachine {
    /// The dispatcher's own beat came back.
    public mutating func ownBeat(at now: Moment) -> [Action] {
        presence.ownBeat(at: now.steady)
        return placeUnsettled(at: now)
    }

    /// A connector's beat came.
    public mutating func beat(_ beat: BeatMessage, from header: RelayHeader, at now: Moment) -> [Action] {
        guard hears(header.sender) else { return [] }
        let changes = presence.beat(beat, from: header, at: now.steady)
        let actions: [Action] = presence.takeInvitation(of: header.boot, at: now.steady) ? [.invite(header.boot)] : []
        return actions + follow(changes, at: now)
    }

    /// The broker saw the inbox of a boot close.
    public mutating func closed(_ boot: BootID, at now: Moment) -> [Action] {
        follow(presence.closed(boot), at: now)
    }

    /// Time passed: deadlines, silence, dispatches that nobody accepted, holders that say nothing.
    public mutating func tick(at now: Moment) -> [Action] {
        var actions = follow(presence.tick(at: now.steady), at: now)
        for id in deadlines.takeDue(at: now.wall) { actions += expire(id, at: now) }
        for (boot, stranger) in strangers {
            guard presence.peers[boot] == nil else {
                strangers[boot] = nil
                continue
            }
            guard now.steady - stranger.since >= .seconds(5), presence.isSettled(at: now.steady) else { continue }
            strangers[boot] = nil
            actions += move(requestsOf: boot, isLost: true, at: now)
        }
        actions += placeUnsettled(at: now)
        if lastSweep.map({ now.steady - $0 >= .milliseconds(100) }) ?? true {
            lastSweep = now.steady
            actions += sendOverdueAgain(at: now)
        }
        if lastInquiry.map({ now.steady - $0 >= .seconds(1) }) ?? true {
            lastInquiry = now.steady
            actions += askTheSilent(at: now)
            actions += askForUnresolved(at: now)
        }
        return actions
    }

    /// The earliest moment at which a deadline passes.
    public var earliestDeadline: RelayTime? { deadlines.earliest }

    mutating func follow(_ changes: [PresenceTable.Change], at now: Moment) -> [Action] {
        var actions: [Action] = []
        for change in changes {
            switch change {
            case .joined(let boot):
                actions += meet(boot, at: now)
                actions += placeUnsettled(at: now)
            case .returned(let boot):
                for (id, tracked) in requests where tracked.lostWith.values.contains(boot) {
                    requests[id]?.lostWith = tracked.lostWith.filter { $0.value != boot }
                }
                actions += askAbout(inHand[boot] ?? [], of: boot, at: now)
                actions += placeUnsettled(at: now)
            case .linkClosed(let boot):
                actions += move(requestsOf: boot, isLost: false, at: now)
            case .lost(let boot):
                actions += move(requestsOf: boot, isLost: true, at: now)
                actions += placeUnsettled(at: now)
            case .outdated(let boot):
                actions.append(.dismiss(boot))
            }
        }
        return actions
    }

    /// A boot is seen for the first time: it may be an awaited one, or the successor of one.
    private mutating func meet(_ boot: BootID, at now: Moment) -> [Action] {
        var actions: [Action] = []
        strangers[boot] = nil
        let member = presence.peers[boot]?.member
        for (other, stranger) in strangers where stranger.member == member && other != boot {
            strangers[other] = nil
            actions += move(requestsOf: other, isLost: true, at: now)
        }
        let restored = (inHand[boot] ?? []).filter { requests[$0]?.holderBoot == boot }
        return actions + askAbout(restored, of: boot, at: now)
    }

    // MARK: Loss

    /// Moves what a boot has in hand: at once what may run elsewhere, as unknown what only it may run once it is lost.
    mutating func move(requestsOf boot: BootID, isLost: Bool, at now: Moment) -> [Action] {
        var actions: [Action] = []
        for id in inHand[boot] ?? [] {
            guard let tracked = requests[id] else { continue }
            let name = tracked.holder?.boot == boot ? tracked.holder?.name ?? "" : name(of: boot)
            let kind: RequestEvent.Kind = isLost ? .lost : .suspected
            switch tracked.state {
            case .granted:
                note(id, kind, at: now.wall, connector: name)
                guard isLost else {
                    actions += recorded(id, [])
                    continue
                }
                actions += end(
                    id, .failed(RequestFailure(.outcomeUnknown, "\(name) was lost while it had the request")),
                    at: now.wall)
            case .held:
                note(id, kind, at: now.wall, connector: name)
                requests[id]?.lostWith[tracked.attempt] = boot
                release(id)
                actions += place(id, at: now)
            case .dispatched:
                note(id, kind, at: now.wall, connector: name)
                release(id)
                actions += place(id, at: now)
            case .waiting, .ending:
                continue
            }
        }
        return actions
    }

    private mutating func expire(_ id: RequestID, at now: Moment) -> [Action] {
        guard let tracked = requests[id] else { return [] }
        if case .ending = tracked.state { return [] }
        let failure: RequestFailure =
            if tracked.mayHaveRun {
                RequestFailure(
                    .outcomeUnknown,
                    tracked.isCancelled
                        ? "it was cancelled, and its connector did not say in time how it ended"
                        : "the deadline passed while a connector may have had the request")
            } else if tracked.isCancelled {
                RequestFailure(.cancelled, "it was cancelled, and nothing was started")
            } else {
                RequestFailure(.deadlineExceeded, "the deadline passed before an answer came")
            }
        return end(id, .failed(failure), at: now.wall)
    }

    // MARK: Silence

    /// Sends those again that nobody accepted although someone was free to take them all that time; none is granted.
    private mutating func sendOverdueAgain(at now: Moment) -> [Action] {
        var actions: [Action] = []
        var outlook = Outlook()
        for (id, tracked) in requests {
            let patience = limits.acceptance * Int(min(max(tracked.attempt, 1), 30))
            guard case .dispatched(let route, let since) = tracked.state, now.steady - since >= patience,
                !tracked.isCancelled
            else { continue }
            let able = outlook.prospects(of: tracked.submission, in: presence).able
            let addressee: BootID? = if case .inbox(let boot) = route { boot } else { nil }
            let isSomeoneFree = able.contains { boot in
                // What was sent to a boot takes of its room only once it has come there, and its beats say so.
                let room = boot == addressee ? Int(presence.peers[boot]?.credit ?? 0) : freeCredit(of: boot)
                return room > 0 && hasHadRoom(boot, for: patience, at: now)
            }
            guard isSomeoneFree else { continue }
            if route == .group, able.contains(where: { comesTo(since, $0, within: patience, at: now) }) { continue }
            if let addressee { requests[id]?.refusedBy.insert(addressee) }
            release(id)
            actions += place(id, at: now)
        }
        return actions
    }

    /// Whether a boot still takes what was dispatched before: the queue moves, and has not passed the request over.
    private func comesTo(
        _ dispatched: ContinuousClock.Instant, _ boot: BootID, within time: Duration, at now: Moment
    ) -> Bool {
        guard let peer = presence.peers[boot], let taking = peer.lastTaking, now.steady - taking < time else {
            return false
        }
        var reached = peer.reached
        reached.settle(at: now.steady)
        return reached.settled.map { $0 <= dispatched } ?? true
    }

    private func hasHadRoom(_ boot: BootID, for time: Duration, at now: Moment) -> Bool {
        presence.peers[boot].map { now.steady - $0.withoutRoom >= time } ?? false
    }

    /// Asks the holders that have said nothing of a request for long.
    private mutating func askTheSilent(at now: Moment) -> [Action] {
        var actions: [Action] = []
        for (boot, ids) in inHand where presence.peers[boot]?.standing == .online {
            let silent = ids.filter { id in
                guard let tracked = requests[id], tracked.holderBoot == boot, let sign = tracked.lastSign else {
                    return false
                }
                return now.steady - sign >= limits.silence
            }
            actions += askAbout(silent, of: boot, at: now)
        }
        return actions
    }

    private mutating func askAbout(_ ids: Set<RequestID>, of boot: BootID, at now: Moment) -> [Action] {
        let names = ids.compactMap { requests[$0]?.name }
        guard !names.isEmpty else { return [] }
        // One question in each time of silence; the holder's answer is a sign of its own.
        for id in ids { requests[id]?.lastSign = now.steady }
        return [.ask(boot, names)]
    }
}
