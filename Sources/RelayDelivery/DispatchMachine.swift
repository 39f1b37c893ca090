public import RelayFormat

/// The dispatcher's mind: events in, actions out, for all requests of one tenant.
///
/// `Payload` is what the owner needs back to send a request or to answer its caller. Rules: PROTOCOL section 2.
/// A request is `waiting` (for someone who can take it), `dispatched` (nobody has said ACCEPTED) or `held` (by the
/// boot that did); it leaves the machine with its one answer.
public struct DispatchMachine<Payload: Sendable>: Sendable {
    private enum State: Sendable {
        /// Nobody can take it yet. Exits: `dispatched`, answered.
        case waiting
        /// Sent; nobody has said ACCEPTED. Exits: `held`, `dispatched` again, `waiting`, answered.
        case dispatched(Route, at: ContinuousClock.Instant)
        /// A boot has it. Exits: `dispatched` again (safe, or given back), `waiting`, answered.
        case held(by: BootID)
    }

    private struct Tracked: Sendable {
        var submission: Submission
        var payload: Payload
        var state: State
        var attempt: UInt32 = 0
        var returns: UInt32 = 0
        var refusedBy: Set<BootID> = []
        /// How many of the returns were for want of room, and whether the last one was.
        var crowdings: UInt32 = 0
        var isCrowdedOut = false

        /// How many dispatches were not given back.
        var tries: UInt32 { attempt - min(attempt, returns) }
    }

    private let limits: DispatchLimits
    private var requests: [RequestID: Tracked] = [:]
    private var deadlines = DeadlineQueue<RequestID>()
    private var heldBy: [BootID: Set<RequestID>] = [:]
    private var unsettled: Set<RequestID> = []
    /// Boots that hold something and have never beaten, and since when.
    private var strangers: [BootID: ContinuousClock.Instant] = [:]
    private var rotation = 0
    private var lastSweep: ContinuousClock.Instant?
    /// Who is there.
    public private(set) var presence: PresenceTable

    /// Starts with no requests and nobody known.
    public init(
        limits: DispatchLimits = DispatchLimits(), timing: PresenceTable.Timing = .init(), now: ContinuousClock.Instant
    ) {
        self.limits = limits
        presence = PresenceTable(timing: timing, now: now)
    }

    /// How many requests have no answer yet.
    public var count: Int { requests.count }

    // MARK: Events from callers

    /// A caller brings a request.
    public mutating func submit(_ submission: Submission, _ payload: Payload, at now: Moment) -> [Action] {
        let refusal: RequestFailure? =
            if requests.count >= limits.requests {
                RequestFailure(.overloaded, "\(limits.requests) requests are under way, the limit")
            } else if submission.deadline <= now.wall {
                RequestFailure(.deadlineExceeded, "the deadline had passed when the request came")
            } else {
                nil
            }
        if let refusal { return [.answer(submission, payload, Answer(outcome: .failed(refusal), attempt: 0))] }
        requests[submission.id] = Tracked(submission: submission, payload: payload, state: .waiting)
        deadlines.set(submission.deadline, for: submission.id)
        return place(submission.id, at: now)
    }

    /// A caller no longer wants the answer; it gets one all the same, which says what is known.
    public mutating func abandon(_ id: RequestID) -> [Action] {
        expire(id)
    }

    /// The broker did not take a dispatch, for want of room or for another reason.
    public mutating func sendFailed(
        _ id: RequestID, attempt: UInt32, overloaded: Bool, reason: String
    ) -> [Action] {
        guard let tracked = requests[id], tracked.attempt == attempt, case .dispatched = tracked.state else {
            return []
        }
        let failure =
            overloaded
            ? RequestFailure(.overloaded, reason)
            : tracked.submission.requestClass == .safe
                ? RequestFailure(.noConnector, "the queue did not take the request: \(reason)")
                : RequestFailure(.outcomeUnknown, "the queue may have taken the request: \(reason)")
        return answer(id, .failed(failure))
    }

    // MARK: Events from connectors

    /// A boot said ACCEPTED.
    public mutating func accepted(_ id: RequestID, attempt: UInt32, by boot: BootID, at now: Moment) -> [Action] {
        guard let tracked = requests[id], tracked.attempt == attempt else { return [] }
        let standing = presence.peers[boot]?.standing
        let isGone = standing == .lost || standing == .suspect(.linkClosed)
        if case .held(let holder) = tracked.state, holder == boot || isGone { return [] }
        hold(id, by: boot)
        if standing == nil, strangers[boot] == nil { strangers[boot] = now.steady }
        // Its end may be seen before its word: presence and inbox come by different ways.
        return isGone ? move(requestsOf: boot, isLost: standing == .lost, at: now) : []
    }

    /// A boot gave a dispatch back, and will never start it.
    public mutating func returned(
        _ id: RequestID, attempt: UInt32, by boot: BootID, reason: ReturnMessage.Reason, at now: Moment
    ) -> [Action] {
        guard var tracked = requests[id], tracked.attempt == attempt else { return [] }
        if case .held(let holder) = tracked.state, holder != boot { return [] }
        tracked.returns += 1
        tracked.isCrowdedOut = reason == .busy
        if reason == .busy { tracked.crowdings += 1 } else { tracked.refusedBy.insert(boot) }
        requests[id] = tracked
        release(id)
        guard tracked.returns - tracked.crowdings < 50 else {
            return answer(id, .failed(RequestFailure(.overloaded, "every connector gave the request back")))
        }
        guard !tracked.isCrowdedOut else {
            // There may be room by the next tick; asking again at once would only go in circles.
            requests[id]?.state = .waiting
            unsettled.insert(id)
            return []
        }
        return place(id, at: now)
    }

    /// A boot answered.
    ///
    /// - Returns: nothing for a request that has its answer, or of which another will say more.
    public mutating func responded(
        _ id: RequestID, attempt: UInt32, from member: MemberID, by boot: BootID, outcome: ResponseMessage.Outcome
    ) -> [Action] {
        guard let tracked = requests[id] else { return [] }
        if case .failed(let failure) = outcome, failure.code == .outcomeUnknown {
            // It found a record that another boot has, or that an earlier attempt left behind.
            if case .held(let holder) = tracked.state, holder != boot { return [] }
            guard attempt == tracked.attempt else { return [] }
        }
        return answer(id, outcome, connector: member, name: presence.peers[boot]?.name, attempt: attempt)
    }

    // MARK: Events from presence and time

    /// The dispatcher's own beat came back.
    public mutating func ownBeat(at now: Moment) -> [Action] {
        presence.ownBeat(at: now.steady)
        return placeUnsettled(at: now)
    }

    /// A connector's beat came.
    public mutating func beat(_ beat: BeatMessage, from header: RelayHeader, at now: Moment) -> [Action] {
        // One that was lost may have forgotten this dispatcher meanwhile; a second invitation changes nothing.
        let wasAbsent = (presence.peers[header.boot]?.standing ?? .lost) == .lost
        let changes = presence.beat(beat, from: header, at: now.steady)
        let isOnline = presence.peers[header.boot]?.standing == .online
        let actions: [Action] = wasAbsent && isOnline ? [.invite(header.boot)] : []
        return actions + follow(changes, at: now)
    }

    /// The broker saw the inbox of a boot close.
    public mutating func closed(_ boot: BootID, at now: Moment) -> [Action] {
        follow(presence.closed(boot), at: now)
    }

    /// A connector was revoked: what it has goes to others or is unknown, at once.
    public mutating func revoked(_ member: MemberID, at now: Moment) -> [Action] {
        follow(presence.revoked(member, at: now.steady), at: now)
    }

    /// Time passed: deadlines, silence, dispatches that nobody accepted.
    public mutating func tick(at now: Moment) -> [Action] {
        var actions = follow(presence.tick(at: now.steady), at: now)
        for id in deadlines.takeDue(at: now.wall) { actions += expire(id) }
        for (boot, since) in strangers where now.steady - since >= .seconds(5) {
            strangers[boot] = nil
            if presence.peers[boot] == nil { actions += move(requestsOf: boot, isLost: true, at: now) }
        }
        actions += placeUnsettled(at: now)
        if lastSweep.map({ now.steady - $0 >= .milliseconds(100) }) ?? true {
            lastSweep = now.steady
            actions += sendOverdueAgain(at: now)
        }
        return actions
    }

    /// Sends the safe requests again that nobody accepted in time although someone was free to take them.
    private mutating func sendOverdueAgain(at now: Moment) -> [Action] {
        var actions: [Action] = []
        var isFree: [GroupID: [String: Bool]] = [:]
        for (id, tracked) in requests where tracked.tries < limits.attempts {
            guard tracked.submission.requestClass == .safe, case .dispatched(let route, let since) = tracked.state,
                now.steady - since >= limits.acceptance * Int(max(tracked.tries, 1))
            else { continue }
            let (group, service) = (tracked.submission.group, tracked.submission.service)
            if isFree[group]?[service] == nil {
                let able = presence.prospects(group: group, service: service).able
                isFree[group, default: [:]][service] = able.contains { freeCredit(of: $0) > 0 }
            }
            guard isFree[group]?[service] == true else { continue }
            if case .inbox(let boot) = route { requests[id]?.refusedBy.insert(boot) }
            actions += place(id, at: now)
        }
        return actions
    }

    /// The earliest moment at which a deadline passes.
    public var earliestDeadline: RelayTime? { deadlines.earliest }

    private mutating func follow(_ changes: [PresenceTable.Change], at now: Moment) -> [Action] {
        var actions: [Action] = []
        for change in changes {
            switch change {
            case .joined, .returned:
                actions += placeUnsettled(at: now)
            case .linkClosed(let boot):
                actions += move(requestsOf: boot, isLost: false, at: now)
            case .lost(let boot):
                actions += move(requestsOf: boot, isLost: true, at: now)
                actions += placeUnsettled(at: now)
            }
        }
        return actions
    }

    // MARK: Decisions

    /// Moves the safe requests of a boot to others; what is not safe is unknown once the boot is lost.
    private mutating func move(requestsOf boot: BootID, isLost: Bool, at now: Moment) -> [Action] {
        var actions: [Action] = []
        for id in heldBy[boot] ?? [] {
            guard let tracked = requests[id] else { continue }
            if tracked.submission.requestClass == .safe {
                release(id)
                actions += place(id, at: now)
            } else if isLost {
                let name = presence.peers[boot]?.name ?? "its connector"
                actions += answer(
                    id, .failed(RequestFailure(.outcomeUnknown, "\(name) was lost while it had the request")))
            }
        }
        for (id, tracked) in requests {
            guard case .dispatched(.inbox(boot), _) = tracked.state else { continue }
            if tracked.submission.requestClass == .safe {
                actions += place(id, at: now)
            } else if isLost {
                actions += answer(
                    id, .failed(RequestFailure(.outcomeUnknown, "the connector was lost after the request was sent")))
            }
        }
        return actions
    }

    /// Finds the next place of a request that nobody holds.
    private mutating func place(_ id: RequestID, at now: Moment) -> [Action] {
        // What is due is answered by the next tick, and not sent any more.
        guard var tracked = requests[id], now.wall < tracked.submission.deadline else { return [] }
        let submission = tracked.submission
        let prospects = presence.prospects(group: submission.group, service: submission.service)
        let fresh = prospects.able.filter { !tracked.refusedBy.contains($0) }
        var candidates = fresh.isEmpty ? prospects.able : fresh
        let route: Route?
        if prospects.allOffer, !fresh.isEmpty, tracked.attempt == 0 || tracked.isCrowdedOut {
            route = .group
        } else {
            if tracked.isCrowdedOut, !candidates.isEmpty {
                candidates.removeAll { freeCredit(of: $0) <= 0 }
                guard !candidates.isEmpty else { return [] }
            }
            route = best(of: candidates).map(Route.inbox)
        }
        guard let route else {
            return wait(id, prospects: prospects, at: now)
        }
        guard tracked.tries < limits.attempts else {
            let text = "the request was tried \(tracked.attempt) times and each connector was lost"
            return answer(id, .failed(RequestFailure(.outcomeUnknown, text)))
        }
        unsettled.remove(id)
        tracked.attempt += 1
        tracked.isCrowdedOut = false
        tracked.state = .dispatched(route, at: now.steady)
        requests[id] = tracked
        return [.dispatch(submission, tracked.payload, attempt: tracked.attempt, route: route)]
    }

    private mutating func wait(_ id: RequestID, prospects: PresenceTable.Prospects, at now: Moment) -> [Action] {
        guard let tracked = requests[id] else { return [] }
        guard presence.isSettled(at: now.steady), !prospects.mayReturn else {
            requests[id]?.state = .waiting
            unsettled.insert(id)
            return []
        }
        let submission = tracked.submission
        if prospects.anyone {
            let text = "no connector of the group that is online offers the service \"\(submission.service)\""
            return answer(id, .failed(RequestFailure(.serviceUnknown, text)))
        }
        let absence = presence.absence(of: submission.group, at: now.steady)
        return answer(id, .failed(RequestFailure(.noConnector, "no connector of the group is online: \(absence)")))
    }

    private mutating func placeUnsettled(at now: Moment) -> [Action] {
        unsettled.flatMap { place($0, at: now) }
    }

    /// What a boot would take beyond what it is known to hold; its beat is up to a second old, ACCEPTED is not.
    private func freeCredit(of boot: BootID) -> Int {
        guard let peer = presence.peers[boot] else { return 0 }
        return Int(peer.inFlight) + Int(peer.credit) - max(Int(peer.inFlight), heldBy[boot]?.count ?? 0)
    }

    /// Takes those with the most free credit in turn.
    private mutating func best(of boots: [BootID]) -> BootID? {
        guard let credit = boots.map(freeCredit(of:)).max() else { return nil }
        let equals = boots.filter { freeCredit(of: $0) == credit }.sorted { $0.low < $1.low }
        rotation &+= 1
        return equals[rotation % equals.count]
    }

    private mutating func expire(_ id: RequestID) -> [Action] {
        guard let tracked = requests[id] else { return [] }
        let mayHaveRun: Bool =
            switch tracked.state {
            case .waiting: false
            case .dispatched, .held: tracked.submission.requestClass != .safe
            }
        let failure =
            mayHaveRun
            ? RequestFailure(.outcomeUnknown, "the deadline passed while a connector may have had the request")
            : RequestFailure(.deadlineExceeded, "the deadline passed before an answer came")
        return answer(id, .failed(failure))
    }

    private mutating func hold(_ id: RequestID, by boot: BootID) {
        release(id)
        requests[id]?.state = .held(by: boot)
        heldBy[boot, default: []].insert(id)
        unsettled.remove(id)
    }

    private mutating func release(_ id: RequestID) {
        guard case .held(let holder) = requests[id]?.state else { return }
        heldBy[holder]?.remove(id)
        if heldBy[holder]?.isEmpty == true { heldBy[holder] = nil }
        requests[id]?.state = .waiting
    }

    private mutating func remove(_ id: RequestID) -> Tracked? {
        release(id)
        deadlines.remove(id)
        unsettled.remove(id)
        return requests.removeValue(forKey: id)
    }

    private mutating func answer(
        _ id: RequestID, _ outcome: ResponseMessage.Outcome, connector: MemberID? = nil, name: String? = nil,
        attempt: UInt32? = nil
    ) -> [Action] {
        guard let tracked = remove(id) else { return [] }
        let answer = Answer(
            outcome: outcome, connector: connector, connectorName: name, attempt: attempt ?? tracked.attempt)
        return [.answer(tracked.submission, tracked.payload, answer)]
    }
}
