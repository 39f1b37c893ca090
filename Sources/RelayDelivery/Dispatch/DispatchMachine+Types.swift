public import RelayFormat

/// What goes into the machine and what comes out of it.
extension DispatchMachine {
    /// A request as its caller gave it.
    public struct Submission: Sendable {
        /// Its name over all attempts.
        public var id: RequestID
        /// The group that is asked.
        public var group: GroupID
        /// The service that is asked.
        public var service: String
        /// What may be done when its connector is lost; becomes stricter when a connector says so.
        public var requestClass: RequestClass
        /// When the caller no longer waits.
        public var deadline: RelayTime
        /// Until when it waits for somebody who can take it; earlier than now for one that does not wait.
        public var parkUntil: RelayTime
        /// When it came.
        public var submittedAt: RelayTime
        /// Whether the ledger keeps it: what is decided about it then takes effect when the ledger has it.
        public var isDurable: Bool
        /// About how many bytes it holds in memory.
        public var size: Int

        /// Makes a submission.
        public init(
            id: RequestID, group: GroupID, service: String, requestClass: RequestClass, deadline: RelayTime,
            parkUntil: RelayTime = RelayTime(milliseconds: 0), submittedAt: RelayTime, isDurable: Bool = false,
            size: Int = 0
        ) {
            self.id = id
            self.group = group
            self.service = service
            self.requestClass = requestClass
            self.deadline = deadline
            self.parkUntil = parkUntil
            self.submittedAt = submittedAt
            self.isDurable = isDurable
            self.size = size
        }
    }

    /// Where one dispatch goes.
    public enum Route: Sendable, Equatable {
        /// Any member of the group.
        case group
        /// One boot.
        case inbox(BootID)
    }

    /// How one dispatch is sent.
    public struct Dispatch: Sendable {
        /// Which one of its request.
        public var attempt: UInt32
        /// Where to.
        public var route: Route
        /// Whether nothing else may run beside it.
        public var runsAlone: Bool
    }

    /// What the owner has to do.
    public indirect enum Action: Sendable {
        /// Send the request.
        case dispatch(Submission, Payload, Dispatch)
        /// Tell a boot that it may start a dispatch.
        case grant(BootID, DispatchName)
        /// Tell a boot that it must not start a dispatch, or must end it.
        case cancel(BootID, DispatchName, CancelMessage.Mode)
        /// Ask a boot how dispatches stand.
        case ask(BootID, [DispatchName])
        /// Tell a boot that its response was taken, or is not wanted.
        case receipt(BootID, RequestID)
        /// Tell a boot that its beat was seen.
        case invite(BootID)
        /// Tell a boot that another has taken its place.
        case dismiss(BootID)
        /// Answer the caller.
        case answer(Submission, Payload, RequestEnding, [RequestEvent])
        /// An outcome that was answered as unknown is known.
        case resolved(Submission, RequestEnding, [RequestEvent])
        /// Write the change down, and do the rest when the ledger has it; `close` when that is its end.
        case record(LedgerChange, then: [Action])
        /// Tell the machine that the ledger has the end of a request.
        case close(RequestID)
    }
}

/// What became of a cancellation.
public enum CancelVerdict: Sendable, Equatable {
    /// It has ended, and nothing was started.
    case cancelled
    /// Its connector was told to end it; its outcome follows within seconds.
    case stopping
    /// It is not open.
    case notOpen
}
