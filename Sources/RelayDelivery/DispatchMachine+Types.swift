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
        /// What may be done when its connector is lost.
        public var requestClass: RequestClass
        /// When the caller no longer waits.
        public var deadline: RelayTime

        /// Makes a submission.
        public init(
            id: RequestID, group: GroupID, service: String, requestClass: RequestClass, deadline: RelayTime
        ) {
            self.id = id
            self.group = group
            self.service = service
            self.requestClass = requestClass
            self.deadline = deadline
        }
    }

    /// Where one dispatch goes.
    public enum Route: Sendable, Equatable {
        /// Any member of the group.
        case group
        /// One boot.
        case inbox(BootID)
    }

    /// What the owner has to do.
    public enum Action: Sendable {
        /// Send the request.
        case dispatch(Submission, Payload, attempt: UInt32, route: Route)
        /// Answer the caller; the machine has forgotten the request.
        case answer(Submission, Payload, Answer)
        /// Tell a boot that its beat was seen.
        case invite(BootID)
    }

    /// How a request ended.
    public struct Answer: Sendable {
        /// The outcome.
        public var outcome: ResponseMessage.Outcome
        /// The connector that gave it; nil when none did.
        public var connector: MemberID?
        /// Its name, where its process has beaten.
        public var connectorName: String?
        /// The dispatch it belongs to; zero when there was none.
        public var attempt: UInt32
    }
}
