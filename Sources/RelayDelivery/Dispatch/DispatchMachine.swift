public import RelayFormat

/// The dispatcher's mind: events in, actions out, for all requests of one tenant.
///
/// `Payload` is what the owner needs back to send a request or to answer its caller. Rules: PROTOCOL section 2.
/// A request is `waiting` (for someone who can take it), `dispatched` (nobody has said that he has it), `held` (by a boot
/// that runs it, `safe` and `keyed`) or `granted` (to the one boot that may run it, `once`). It leaves the machine with
/// its one ending; a granted one that ends as unknown stays among the unresolved, until the connector's journal is back.
///
/// Everything that is decided of a durable request comes out inside `record`, so that nothing is done before the ledger
/// has it. The files beside this one: events from connectors, from presence and time, placement, what is unresolved,
/// what can be told.
public struct DispatchMachine<Payload: Sendable>: ~Copyable, Sendable {
    let limits: DispatchLimits
    var requests: [RequestID: Tracked] = [:]
    var deadlines = DeadlineQueue<RequestID>()
    /// The requests in the hand of each boot: held by it, granted to it, or sent to its inbox.
    var inHand: [BootID: Set<RequestID>] = [:]
    /// The requests that wait for a change.
    var unsettled: Set<RequestID> = []
    /// Boots that hold something and have never beaten: whose they are, and since when they are awaited.
    var strangers: [BootID: (member: MemberID?, since: ContinuousClock.Instant)] = [:]
    var unresolved: [RequestID: Unresolved] = [:]
    /// What is resolved, and the ledger does not yet have that.
    var resolving: Set<RequestID> = []
    var bytes = 0
    var rotation = 0
    var lastSweep: ContinuousClock.Instant?
    var lastInquiry: ContinuousClock.Instant?
    /// How many replies came that could not count any more, since they were last asked for.
    var lateReplies = 0
    /// Connectors that were revoked or frozen: nothing that they say counts, however it came here.
    var barred: Set<MemberID> = []
    /// Who is there.
    public internal(set) var presence: PresenceTable

    /// Starts with no requests and nobody known.
    public init(
        limits: DispatchLimits = DispatchLimits(), timing: PresenceTable.Timing = .init(), now: ContinuousClock.Instant
    ) {
        self.limits = limits
        presence = PresenceTable(timing: timing, now: now)
    }

    /// How many requests have no answer yet.
    public var count: Int { requests.count }

    /// What the owner keeps of an open request.
    public func payload(of id: RequestID) -> Payload? { requests[id]?.payload }

    /// How many replies came that could not count any more, since this was last asked.
    public mutating func takeLateReplies() -> Int {
        defer { lateReplies = 0 }
        return lateReplies
    }

    // MARK: Events from callers

    /// Why a request of that size cannot be taken in just now; nil when it can.
    public func objection(toSize size: Int) -> RequestFailure? {
        if requests.count >= limits.requests {
            return RequestFailure(.overloaded, "\(limits.requests) requests are under way, the limit")
        }
        guard bytes + size <= limits.bytes || requests.isEmpty else {
            return RequestFailure(.overloaded, "the requests under way hold \(limits.bytes >> 20) MiB, the limit")
        }
        return nil
    }

    /// A caller brings a request.
    ///
    /// A durable one is in the ledger already, and is not refused any more: its owner asks `objection` first.
    public mutating func submit(_ submission: Submission, _ payload: Payload, at now: Moment) -> [Action] {
        let refusal: RequestFailure? =
            submission.deadline <= now.wall
            ? RequestFailure(.deadlineExceeded, "the deadline had passed when the request came")
            : submission.isDurable ? nil : objection(toSize: submission.size)
        track(submission, payload, at: now.wall)
        if let refusal { return end(submission.id, .failed(refusal), at: now.wall) }
        return place(submission.id, at: now)
    }

    /// Dispatches leave, in this order: from now on their places in the group's queue are counted.
    ///
    /// They are decided by many callers at once, so that they do not leave in the order in which they were decided.
    public mutating func sent(_ dispatches: [DispatchName], at now: ContinuousClock.Instant) {
        for name in dispatches {
            guard let index = requests.index(forKey: name.request), requests.values[index].attempt == name.attempt,
                case .dispatched(let route, _) = requests.values[index].state
            else { continue }
            requests.values[index].state = .dispatched(route, at: now)
        }
    }

    mutating func track(_ submission: Submission, _ payload: Payload, at now: RelayTime) {
        var tracked = Tracked(submission: submission, payload: payload)
        // Room for the usual life: submitted, sent, accepted, answered.
        tracked.events.reserveCapacity(4)
        tracked.note(.submitted, at: submission.submittedAt)
        // The ledger noted that when it took the request in.
        if submission.isDurable { tracked.recordedEvents = 1 }
        requests[submission.id] = tracked
        bytes += submission.size
        deadlines.set(submission.deadline, for: submission.id)
    }

    /// A caller has gone, and nobody waits for the answer any more.
    ///
    /// What has not started is cancelled, and what is `safe` is torn down; the rest goes on to its end, so that one can
    /// learn how it ended.
    public mutating func abandon(_ id: RequestID, at now: Moment) -> [Action] {
        guard let tracked = requests[id], !tracked.submission.isDurable else { return [] }
        switch tracked.state {
        case .ending: return []
        case .held where tracked.submission.requestClass != .safe: return []
        // A connector may run it already, and its word be on the way.
        case .dispatched where tracked.mayHaveRun: return []
        case .granted: return []
        case .waiting, .dispatched, .held: break
        }
        return cancelNow(id, tracked, mode: .unwanted, why: "its caller left", at: now)
    }

    /// Somebody cancels a request.
    public mutating func cancel(_ id: RequestID, by who: String, at now: Moment) -> (CancelVerdict, [Action]) {
        guard let tracked = requests[id] else { return (.notOpen, []) }
        switch tracked.state {
        case .ending:
            return (.notOpen, [])
        case .waiting, .dispatched:
            guard !tracked.mayHaveRun else { break }
            return (.cancelled, cancelNow(id, tracked, mode: .stop, why: "cancelled by \(who)", at: now))
        case .held, .granted:
            guard tracked.submission.requestClass != .safe else {
                return (.cancelled, cancelNow(id, tracked, mode: .stop, why: "cancelled by \(who)", at: now))
            }
        }
        // It may run: what its connector says of it is waited for, but not for long.
        requests[id]?.isCancelled = true
        requests[id]?.submission.deadline = min(tracked.submission.deadline, now.wall + .seconds(5))
        deadlines.set(min(tracked.submission.deadline, now.wall + .seconds(5)), for: id)
        note(id, .cancelled, at: now.wall, detail: "cancelled by \(who); its connector was told to end it")
        unsettled.remove(id)
        return (.stopping, recorded(id, tracked.boot.map { [.cancel($0, tracked.name, .stop)] } ?? []))
    }

    private mutating func cancelNow(
        _ id: RequestID, _ tracked: Tracked, mode: CancelMessage.Mode, why: String, at now: Moment
    ) -> [Action] {
        note(id, .cancelled, at: now.wall, detail: why)
        let told: [Action] = tracked.boot.map { [.cancel($0, tracked.name, mode)] } ?? []
        let failure =
            tracked.mayHaveRun
            ? RequestFailure(.outcomeUnknown, "\(why); a connector may have run it before")
            : RequestFailure(.cancelled, why)
        return end(id, .failed(failure), at: now.wall, then: told)
    }

    /// The broker did not take a dispatch, for want of room or for another reason.
    public mutating func sendFailed(
        _ id: RequestID, attempt: UInt32, overloaded: Bool, reason: String, at now: Moment
    ) -> [Action] {
        guard let tracked = requests[id], tracked.attempt == attempt, case .dispatched(let route, _) = tracked.state
        else { return [] }
        note(id, .notSent, at: now.wall, detail: reason)
        // A caller is told to come again as long as nothing has been done for him.
        if tracked.submission.isDurable || tracked.attempt > 1 {
            release(id)
            if case .inbox(let boot) = route { requests[id]?.refusedBy.insert(boot) }
            requests[id]?.holdOff = now.steady + .milliseconds(200) * Int(min(tracked.attempt, 5))
            unsettled.insert(id)
            return recorded(id, [])
        }
        let failure =
            overloaded
            ? RequestFailure(.overloaded, reason)
            : tracked.submission.requestClass == .keyed
                ? RequestFailure(.outcomeUnknown, "the queue may have taken the request: \(reason)")
                : RequestFailure(.noConnector, "the queue did not take the request: \(reason)")
        return end(id, .failed(failure), at: now.wall)
    }

    /// Adds a line to what can be told of a request.
    mutating func note(
        _ id: RequestID, _ kind: RequestEvent.Kind, at now: RelayTime, attempt: UInt32? = nil, connector: String = "",
        detail: String = ""
    ) {
        requests[id]?.note(kind, at: now, attempt: attempt, connector: connector, detail: detail)
    }

    // MARK: The ledger

    /// Takes a request up again that the ledger kept.
    ///
    /// - Parameters:
    ///   - request: one that has no ending, or one that may still be resolved; its last event, which says why it is
    ///     taken up, is not in the ledger yet unless it was redriven.
    ///   - holdOff: for how long it is not sent again, so that those who have it can say so.
    public mutating func restore(
        _ request: DurableRequest, _ submission: Submission, _ payload: Payload, holdOff: Duration, at now: Moment
    ) {
        // Its former end is in the ledger, from which its owner has it, also where that was not said here yet.
        if case .ending = requests[request.id]?.state { forget(request.id) }
        guard requests[request.id] == nil else { return }
        if let ending = request.ending {
            unresolved[request.id] = Unresolved(
                submission: submission, ending: ending, progress: request.progress, events: request.events,
                recordedEvents: request.events.count)
            return
        }
        var tracked = Tracked(submission: submission, payload: payload)
        tracked.attempt = request.progress.attempt
        tracked.formerLosses = Int(request.progress.losses)
        tracked.events = request.events
        tracked.recordedEvents = request.events.count - (request.events.last?.kind == .restored ? 1 : 0)
        tracked.holdOff = now.steady + holdOff
        if tracked.attempt > 0, submission.requestClass == .keyed { tracked.doubts.insert(tracked.attempt) }
        let newest = tracked.events.last { $0.kind == .cancelled || $0.kind == .redriven }
        tracked.isCancelled = newest?.kind == .cancelled
        bytes += submission.size
        deadlines.set(submission.deadline, for: request.id)
        requests[request.id] = tracked
        unsettled.insert(request.id)
        guard let holder = request.progress.holder else { return }
        requests[request.id]?.holder = holder
        switch request.progress.standing {
        case .held: hold(request.id, as: .held(by: holder.boot), at: now)
        case .granted: hold(request.id, as: .granted(to: holder.boot), at: now)
        case .waiting, .dispatched: return
        }
        strangers[holder.boot] = (holder.member, now.steady)
    }

    /// The ledger has the end of a request, or what became known of it afterwards.
    public mutating func close(_ id: RequestID) {
        resolving.remove(id)
        guard case .ending = requests[id]?.state else { return }
        forget(id)
    }

    /// Puts what was noted of a durable request in front of what follows from it.
    mutating func recorded(_ id: RequestID, _ actions: [Action]) -> [Action] {
        guard let index = requests.index(forKey: id), requests.values[index].submission.isDurable else {
            return actions
        }
        let tracked = requests.values[index]
        // A change without an ending would open it again.
        if case .ending = tracked.state { return actions }
        let events = Array(tracked.events[tracked.recordedEvents...])
        guard !events.isEmpty else { return actions }
        requests[id]?.recordedEvents = tracked.events.count
        let change = LedgerChange(id: id, progress: tracked.progress, events: events)
        return [.record(change, then: actions)]
    }
}
