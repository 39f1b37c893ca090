public import RelayFormat

/// The connector's memory of requests: what it runs, what it has finished and nobody has confirmed, what is settled.
///
/// `Carrier` names the broker record that brought a dispatch, and is handed back when the record can be settled. A
/// request is `running` or `finished` (its response is repeated until RECEIPT); afterwards its id alone is kept until
/// its deadline, so that no record can start it again. A dispatch that was given back is remembered in the same way,
/// since RETURN promises that it is never started here.
public struct ExecutionTable<Carrier: Sendable>: Sendable {
    /// The bounds of the table.
    public struct Limits: Sendable {
        /// The most requests that run or wait for their receipt.
        public var requests: Int
        /// The most ids that are remembered after their request was settled or given back.
        public var settled: Int
        /// How long after its first sending a response is sent again; it doubles up to eight times that.
        public var repetition: Duration

        /// Makes the bounds.
        public init(requests: Int = 256, settled: Int = 100_000, repetition: Duration = .seconds(1)) {
            self.requests = requests
            self.settled = settled
            self.repetition = repetition
        }
    }

    /// A dispatch as it came.
    public struct Dispatch: Sendable, Equatable {
        /// The request.
        public var id: RequestID
        /// Which dispatch of it.
        public var attempt: UInt32
        /// The group in whose name it came.
        public var group: GroupID
        /// The dispatcher's process that takes the answer.
        public var origin: BootID
        /// What may be done twice.
        public var requestClass: RequestClass
        /// When its caller no longer waits.
        public var deadline: RelayTime
        /// From when it must not be started.
        public var dispatchUntil: RelayTime
        /// Whether another connector, or this one, may have been given the same record before.
        public var mayBeRedelivery: Bool

        /// Describes a dispatch.
        public init(
            id: RequestID, attempt: UInt32, group: GroupID, origin: BootID, requestClass: RequestClass,
            deadline: RelayTime, dispatchUntil: RelayTime, mayBeRedelivery: Bool
        ) {
            self.id = id
            self.attempt = attempt
            self.group = group
            self.origin = origin
            self.requestClass = requestClass
            self.deadline = deadline
            self.dispatchUntil = dispatchUntil
            self.mayBeRedelivery = mayBeRedelivery
        }
    }

    /// What to do with a dispatch.
    public enum Verdict: Sendable {
        /// Say ACCEPTED and run it.
        case start
        /// It runs already: say ACCEPTED again and keep the record.
        case running
        /// It has finished: send the response again.
        case `repeat`(Reply)
        /// Give it back, and settle the record.
        case giveBack(ReturnMessage.Reason)
        /// Answer that nobody knows whether it ran; `finished` follows at once.
        case unknown
        /// It was answered and confirmed, or its time is over: settle the record, say nothing.
        case settle
    }

    /// A response that waits for its receipt.
    public struct Reply: Sendable {
        /// The dispatch that it answers.
        public var dispatch: Dispatch
        /// How it ended.
        public var outcome: ResponseMessage.Outcome
    }

    private enum State: Sendable {
        /// Its handler works. Exit: `finished`.
        case running
        /// Its response is on its way. Exits: settled by RECEIPT or by the deadline.
        case finished(ResponseMessage.Outcome, sendings: Int)
    }

    private struct Entry: Sendable {
        var dispatch: Dispatch
        var state: State
        var carriers: [Carrier]
        /// Whether it is only known from a record that must not run, and was not started here.
        var isUnknown = false
    }

    private let limits: Limits
    private var entries: [RequestID: Entry] = [:]
    private var repetitions = DeadlineQueue<RequestID>()
    private var closed: ClosedRequests
    /// Whether new work is given back.
    public var isDraining = false

    /// Starts with nothing in hand.
    public init(limits: Limits = Limits()) {
        self.limits = limits
        closed = ClosedRequests(limit: limits.settled)
    }

    /// How many requests run or wait for their receipt.
    public var count: Int { entries.count }

    /// How many requests would still be taken.
    public var credit: Int { max(0, limits.requests - entries.count) }

    /// A dispatch has come.
    ///
    /// With `start`, `running`, `repeat` and `unknown` the carrier is kept until the request is settled; with the other
    /// verdicts the owner settles it.
    ///
    /// - Parameter isOffered: whether the connector offers the service.
    public mutating func admit(
        _ dispatch: Dispatch, carrier: Carrier?, isOffered: Bool = true, at now: RelayTime
    ) -> Verdict {
        closed.forget(at: now)
        let closedUpTo = closed[dispatch.id] ?? 0
        guard closedUpTo < .max else { return .settle }
        if var entry = entries[dispatch.id] {
            if entry.isUnknown, case .finished = entry.state, isOffered, supersedes(dispatch, entry.dispatch, at: now) {
                repetitions.remove(dispatch.id)
                entries[dispatch.id] = Entry(
                    dispatch: dispatch, state: .running, carriers: entry.carriers + (carrier.map { [$0] } ?? []))
                return .start
            }
            // The newest dispatch tells where the answer is awaited.
            if dispatch.attempt >= entry.dispatch.attempt {
                entry.dispatch.attempt = dispatch.attempt
                entry.dispatch.origin = dispatch.origin
            }
            if let carrier { entry.carriers.append(carrier) }
            entries[dispatch.id] = entry
            switch entry.state {
            case .running: return .running
            case .finished(let outcome, _): return .repeat(Reply(dispatch: entry.dispatch, outcome: outcome))
            }
        }
        guard now < dispatch.deadline else { return .settle }
        // One that is given back may be started elsewhere, so this is no way out for what may run already.
        let mustNotRun = dispatch.mayBeRedelivery && dispatch.requestClass != .safe
        let reason: ReturnMessage.Reason? =
            if mustNotRun {
                nil
            } else if dispatch.attempt <= closedUpTo || now >= dispatch.dispatchUntil {
                .late
            } else if !isOffered {
                .serviceUnknown
            } else if isDraining {
                .draining
            } else {
                entries.count < limits.requests ? nil : .busy
            }
        if let reason {
            close(dispatch, upTo: dispatch.attempt)
            return .giveBack(reason)
        }
        entries[dispatch.id] = Entry(
            dispatch: dispatch, state: .running, carriers: carrier.map { [$0] } ?? [], isUnknown: mustNotRun)
        return mustNotRun ? .unknown : .start
    }

    /// Whether a dispatch shows that an earlier one, of which nobody knew whether it ran, was given back.
    ///
    /// Only RETURN makes a new attempt of what must not run twice.
    private func supersedes(_ dispatch: Dispatch, _ former: Dispatch, at now: RelayTime) -> Bool {
        dispatch.attempt > former.attempt && !dispatch.mayBeRedelivery && !isDraining
            && now < dispatch.dispatchUntil && now < dispatch.deadline
    }

    /// The handler is done.
    ///
    /// - Returns: the response to send; nil when nobody waits for it any more.
    public mutating func finish(_ id: RequestID, _ outcome: ResponseMessage.Outcome, at now: RelayTime) -> Reply? {
        guard var entry = entries[id], case .running = entry.state else { return nil }
        entry.state = .finished(outcome, sendings: 1)
        entries[id] = entry
        repetitions.set(min(now + limits.repetition, entry.dispatch.deadline), for: id)
        return Reply(dispatch: entry.dispatch, outcome: outcome)
    }

    /// RECEIPT has come.
    ///
    /// - Returns: the carriers to settle.
    public mutating func receipt(_ ids: [RequestID], at now: RelayTime) -> [Carrier] {
        ids.flatMap { id -> [Carrier] in
            guard case .finished = entries[id]?.state else { return [] }
            return settle(id)
        }
    }

    /// Time passed.
    ///
    /// - Returns: the responses to send again, and the carriers of requests whose deadline has passed.
    public mutating func tick(at now: RelayTime) -> (replies: [Reply], carriers: [Carrier]) {
        var replies: [Reply] = []
        var carriers: [Carrier] = []
        for id in repetitions.takeDue(at: now) {
            guard var entry = entries[id], case .finished(let outcome, let sendings) = entry.state else { continue }
            guard now < entry.dispatch.deadline else {
                carriers += settle(id)
                continue
            }
            replies.append(Reply(dispatch: entry.dispatch, outcome: outcome))
            entry.state = .finished(outcome, sendings: sendings + 1)
            entries[id] = entry
            let pause = limits.repetition * (1 << min(sendings, 3))
            repetitions.set(min(now + pause, entry.dispatch.deadline), for: id)
        }
        closed.forget(at: now)
        return (replies, carriers)
    }

    /// The earliest moment at which a response is due again.
    public var earliestRepetition: RelayTime? { repetitions.earliest }

    /// The carriers of all that runs or waits for its receipt.
    public var carriers: [Carrier] { entries.values.flatMap(\.carriers) }

    /// Records of lost leases: their carriers cannot settle anything any more.
    public mutating func drop(where isLost: (Carrier) -> Bool) {
        for id in entries.keys {
            entries[id]?.carriers.removeAll(where: isLost)
        }
    }

    private mutating func settle(_ id: RequestID) -> [Carrier] {
        repetitions.remove(id)
        guard let entry = entries.removeValue(forKey: id) else { return [] }
        // What was not started here may still come to be: as another attempt, after the first was given back elsewhere.
        close(entry.dispatch, upTo: entry.isUnknown ? entry.dispatch.attempt : .max)
        return entry.carriers
    }

    /// Remembers that a request must not be started; what must never run twice outlasts a step of the clock, too.
    private mutating func close(_ dispatch: Dispatch, upTo attempt: UInt32) {
        let margin: Duration = dispatch.requestClass == .safe ? .zero : .seconds(60)
        closed.close(dispatch.id, upTo: attempt, until: dispatch.deadline + margin)
    }
}
