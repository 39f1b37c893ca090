public import RelayFormat

extension ExecutionTable {
    /// The bounds and times of a table.
    public struct Limits: Sendable {
        /// The most requests that are in hand: that wait, run, or wait for their receipt (see `kept`).
        public var requests: Int
        /// The most ids that are remembered after their request was settled or given back.
        public var settled: Int
        /// How long after its first sending a response is sent again; it doubles up to eight times that.
        public var repetition: Duration
        /// How long after its first saying a claim is said again.
        public var claimRepetition: Duration
        /// How long a claim waits for its grant.
        public var grant: Duration
        /// How long a request that has to run alone waits until nothing else runs.
        public var solitude: Duration
        /// The most bytes of bodies that are repeated at one time.
        public var burst: Int
        /// The most responses that are kept beside `requests` for dispatchers that say nothing.
        public var kept: Int
        /// The most bytes of their bodies.
        public var keptBytes: Int

        /// Makes the bounds.
        public init(
            requests: Int = 256, settled: Int = 100_000, repetition: Duration = .seconds(1),
            claimRepetition: Duration = .seconds(1), grant: Duration = .seconds(2), solitude: Duration = .seconds(10),
            burst: Int = 8 << 20, kept: Int = 4096, keptBytes: Int = 64 << 20
        ) {
            self.requests = requests
            self.settled = settled
            self.repetition = repetition
            self.claimRepetition = claimRepetition
            self.grant = grant
            self.solitude = solitude
            self.burst = burst
            self.kept = kept
            self.keptBytes = keptBytes
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
        /// The dispatcher that takes the answer, whichever of its boots.
        public var dispatcher: MemberID
        /// The dispatcher's process that sent it.
        public var origin: BootID
        /// What may be done twice.
        public var requestClass: RequestClass
        /// When its caller no longer waits.
        public var deadline: RelayTime
        /// From when it must not be started.
        public var dispatchUntil: RelayTime
        /// Whether another connector, or this one, may have been given the same record before.
        public var mayBeRedelivery: Bool
        /// Whether nothing else may run beside it.
        public var runsAlone: Bool

        /// Describes a dispatch.
        public init(
            id: RequestID, attempt: UInt32, group: GroupID, dispatcher: MemberID = .none, origin: BootID,
            requestClass: RequestClass, deadline: RelayTime, dispatchUntil: RelayTime, mayBeRedelivery: Bool,
            runsAlone: Bool = false
        ) {
            self.id = id
            self.attempt = attempt
            self.group = group
            self.dispatcher = dispatcher
            self.origin = origin
            self.requestClass = requestClass
            self.deadline = deadline
            self.dispatchUntil = dispatchUntil
            self.mayBeRedelivery = mayBeRedelivery
            self.runsAlone = runsAlone
        }

        /// The dispatch as messages name it.
        public var name: DispatchName { DispatchName(request: id, attempt: attempt) }

        /// Whether it may still be started.
        public func isInTime(at now: RelayTime) -> Bool { now < dispatchUntil && now < deadline }
    }

    /// What the connector's own configuration says of a dispatch.
    public enum Offer: Sendable {
        /// It may run here.
        case offered
        /// The service is not offered.
        case unknown
        /// The service's policy forbids it.
        case denied(RequestFailure)
    }

    /// What is to be done with a dispatch.
    ///
    /// Where carriers are named, the table has let go of the request and they are to be settled.
    public enum Step: Sendable {
        /// Run it now. ACCEPTED was said, or is owed: `takeUnannounced`.
        case run(Dispatch)
        /// Say ACCEPTED.
        case accept(Dispatch)
        /// Say ACCEPTED, write down that it starts, and call `written` or `notWritten`.
        case write(Dispatch)
        /// Say CLAIM; where it is the first time and the class asks for it, write it down as with `write`.
        case claim(Dispatch, isWritten: Bool)
        /// Look it up in the journal, and call `resolve`.
        case lookUp(Dispatch)
        /// Say nothing; it waits.
        case wait
        /// Answer with that failure, through `finish`.
        case deny(Dispatch, RequestFailure)
        /// Send the response, for the first time or again.
        case respond(Reply)
        /// Give it back: this boot never starts it.
        case giveBack(Dispatch, ReturnMessage.Reason, [Carrier])
        /// Say KNOWN: an earlier boot had it, and nobody knows how it ended.
        case interrupted(Dispatch, [Carrier])
        /// Say nothing: it was cancelled, or nobody waits for it.
        case settle(RequestID, [Carrier])
        /// Take back what the journal was told of a claim.
        case withdraw(DispatchName)
        /// Tear its handler down; it finishes as usual.
        case stop(RequestID)
    }

    /// A response that waits for its receipt.
    public struct Reply: Sendable {
        /// The dispatch that it answers.
        public var dispatch: Dispatch
        /// How it ended.
        public var outcome: ResponseMessage.Outcome
    }

    /// What is settled by a receipt.
    public struct Settlement: Sendable {
        /// The carriers to settle.
        public var carriers: [Carrier] = []
        /// The requests that the journal knows.
        public var journaled: [RequestID] = []
    }

    enum State: Sendable {
        /// The journal is asked about it. Exits: `finished`, or the states of a fresh dispatch.
        case resolving
        /// It waits until nothing else runs. Exits: the states of a fresh dispatch, given back.
        case waiting
        /// It waits for its grant and for the disk. Exits: `running` with both, given back.
        case claimed(since: RelayTime, isGranted: Bool, isWritten: Bool)
        /// It waits for the disk. Exits: `running`, given back.
        case writing
        /// Its handler works. Exit: `finished`.
        case running(isCancelled: Bool)
        /// Its response is on its way. Exits: settled by RECEIPT or by the deadline.
        case finished(ResponseMessage.Outcome, sendings: Int)

        var isFinished: Bool { if case .finished = self { true } else { false } }
    }

    struct Entry: Sendable {
        var dispatch: Dispatch
        var state: State
        var carriers: [Carrier]
        /// Whether the journal knows it.
        var isJournaled = false
        /// How large its response is, once that is kept beside the bound.
        var keptBytes: Int?
    }
}
