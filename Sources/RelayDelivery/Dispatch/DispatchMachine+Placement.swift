public import RelayFormat

/// Where a request goes next.
extension DispatchMachine {
    /// Who could do the work of each service of each group, looked up once for many requests.
    struct Outlook {
        private var known: [GroupID: [String: PresenceTable.Prospects]] = [:]

        mutating func prospects(
            of submission: Submission, in presence: borrowing PresenceTable
        ) -> PresenceTable.Prospects {
            if let prospects = known[submission.group]?[submission.service] { return prospects }
            let prospects = presence.prospects(group: submission.group, service: submission.service)
            known[submission.group, default: [:]][submission.service] = prospects
            return prospects
        }
    }

    mutating func placeUnsettled(at now: Moment) -> [Action] {
        guard !unsettled.isEmpty else { return [] }
        var outlook = Outlook()
        var actions: [Action] = []
        for id in unsettled {
            guard let tracked = requests[id] else { continue }
            let prospects = outlook.prospects(of: tracked.submission, in: presence)
            actions += place(id, among: prospects, at: now)
        }
        return actions
    }

    mutating func place(_ id: RequestID, at now: Moment) -> [Action] {
        guard let submission = requests[id]?.submission else { return [] }
        let prospects = presence.prospects(group: submission.group, service: submission.service)
        return place(id, among: prospects, at: now)
    }

    /// Finds the next place of a request that is in nobody's hand.
    private mutating func place(
        _ id: RequestID, among prospects: PresenceTable.Prospects, at now: Moment
    ) -> [Action] {
        guard let tracked = requests[id] else { return [] }
        guard now.wall < tracked.submission.deadline else {
            // What is due is ended by the next tick, unless the clock has been set back by then.
            unsettled.insert(id)
            return recorded(id, [])
        }
        guard !tracked.isCancelled else {
            return end(id, .failed(cancelled(tracked)), at: now.wall)
        }
        guard tracked.losses < limits.losses else {
            let text = "its connector was lost \(tracked.losses) times while it ran"
            return end(id, .failed(RequestFailure(.deadLetter, text)), at: now.wall)
        }
        if let holdOff = tracked.holdOff, now.steady < holdOff {
            unsettled.insert(id)
            return recorded(id, [])
        }
        switch choose(tracked, among: prospects, at: now.steady) {
        case .route(let route):
            return dispatch(id, by: route, at: now)
        case .full:
            unsettled.insert(id)
            return recorded(id, [])
        case .nobody:
            return wait(id, prospects: prospects, at: now)
        }
    }

    private func cancelled(_ tracked: Tracked) -> RequestFailure {
        tracked.mayHaveRun
            ? RequestFailure(.outcomeUnknown, "it was cancelled after a connector may have started it")
            : RequestFailure(.cancelled, "it was cancelled, and nothing was started")
    }

    private enum Choice {
        case route(Route)
        /// Those who could take it have no room.
        case full
        /// There is nobody who could take it.
        case nobody
    }

    /// The group's queue for a first dispatch that any member can take; else the boot with the most free credit.
    ///
    /// While the queue is shared out anew a first dispatch goes to an inbox as well: one that waits in the part of a lost
    /// member waits until the broker has noticed.
    private mutating func choose(
        _ tracked: Tracked, among prospects: PresenceTable.Prospects, at now: ContinuousClock.Instant
    ) -> Choice {
        let fresh = prospects.able.filter { !tracked.refusedBy.contains($0) }
        let runsAlone = tracked.losses >= limits.lossesBeforeAlone
        let isHandingOver = presence.isHandingOver(tracked.submission.group, at: now)
        if prospects.allOffer, !fresh.isEmpty, tracked.attempt == 0 || tracked.isCrowdedOut, !runsAlone, !isHandingOver
        {
            return .route(.group)
        }
        var candidates = fresh.isEmpty ? prospects.able : fresh
        if tracked.isCrowdedOut || isHandingOver && tracked.attempt == 0, !candidates.isEmpty {
            candidates.removeAll { freeCredit(of: $0) <= 0 }
            guard !candidates.isEmpty else { return .full }
        }
        return best(of: candidates).map { .route(.inbox($0)) } ?? .nobody
    }

    private mutating func dispatch(_ id: RequestID, by route: Route, at now: Moment) -> [Action] {
        guard let index = requests.index(forKey: id) else { return [] }
        let target = if case .inbox(let boot) = route { name(of: boot) } else { "" }
        let sending = requests.values[index].dispatched(
            by: route, to: target, lossesBeforeAlone: limits.lossesBeforeAlone, at: now.wall)
        let (submission, payload) = (requests.values[index].submission, requests.values[index].payload)
        hold(id, as: .dispatched(route, at: now.steady), at: now)
        let actions: [Action] = [.dispatch(submission, payload, sending)]
        return submission.isDurable ? recorded(id, actions) : actions
    }

    private mutating func wait(_ id: RequestID, prospects: PresenceTable.Prospects, at now: Moment) -> [Action] {
        guard let tracked = requests[id] else { return [] }
        let submission = tracked.submission
        guard presence.isSettled(at: now.steady), !prospects.mayReturn, now.wall >= submission.parkUntil else {
            if !tracked.isWaitingNoted {
                requests[id]?.isWaitingNoted = true
                note(
                    id, .waiting, at: now.wall, detail: "no connector that offers \"\(submission.service)\" takes work")
            }
            unsettled.insert(id)
            return recorded(id, [])
        }
        let absence = presence.absence(of: submission.group, at: now.steady)
        let failure =
            if tracked.mayHaveRun {
                RequestFailure(
                    .outcomeUnknown, "the connector that may have started it is gone, and there is no other: \(absence)"
                )
            } else if prospects.anyone {
                RequestFailure(
                    .serviceUnknown,
                    "no connector of the group that is online offers the service \"\(submission.service)\"")
            } else {
                RequestFailure(.noConnector, "no connector of the group is online and takes work: \(absence)")
            }
        return end(id, .failed(failure), at: now.wall)
    }

    /// What a boot would take beyond what it is known to hold; its beat is up to a second old, ACCEPTED is not.
    func freeCredit(of boot: BootID) -> Int {
        guard let peer = presence.peers[boot] else { return 0 }
        return Int(peer.inFlight) + Int(peer.credit) - max(Int(peer.inFlight), inHand[boot]?.count ?? 0)
    }

    /// How many requests a boot has in hand at the most, as its last beat says; nil when none has been heard.
    public func room(of boot: BootID) -> Int? { presence.peers[boot].map { Int($0.inFlight) + Int($0.credit) } }

    /// Takes those with the most free credit in turn.
    private mutating func best(of boots: [BootID]) -> BootID? {
        guard let credit = boots.map({ freeCredit(of: $0) }).max() else { return nil }
        let equals = boots.filter { freeCredit(of: $0) == credit }.sorted { $0.low < $1.low }
        rotation &+= 1
        return equals[rotation % equals.count]
    }
}
