public import RelayFormat

/// How far a request has come: what the dispatcher must know of it after a restart.
public struct RequestProgress: Sendable, Equatable {
    /// Where a request stands that has no answer yet; the numbers are stored, the names are shown.
    public enum Standing: UInt8, Sendable, CaseIterable {
        /// Nobody has it.
        case waiting = 1
        /// It was sent, and no connector has said that it has it.
        case dispatched = 2
        /// A connector runs it, and another may take it when that one is lost.
        case held = 3
        /// A connector has the one leave to run it.
        case granted = 4
    }

    /// The boot that has a request.
    public struct Holder: Sendable, Equatable {
        /// The connector.
        public var member: MemberID
        /// Its process.
        public var boot: BootID
        /// The connector's name.
        public var name: String

        /// Names a holder.
        public init(member: MemberID, boot: BootID, name: String) {
            self.member = member
            self.boot = boot
            self.name = name
        }
    }

    /// Where it stands.
    public var standing: Standing
    /// Its class; may have become stricter since it was submitted.
    public var requestClass: RequestClass
    /// How often it was dispatched.
    public var attempt: UInt32
    /// How many of the dispatches were started by a connector that was lost before it answered.
    public var losses: UInt32
    /// When it must have its answer.
    public var deadline: RelayTime
    /// Who has it, while it is held or granted.
    public var holder: Holder?

    /// Describes a request's progress.
    public init(
        standing: Standing, requestClass: RequestClass, attempt: UInt32, losses: UInt32, deadline: RelayTime,
        holder: Holder?
    ) {
        self.standing = standing
        self.requestClass = requestClass
        self.attempt = attempt
        self.losses = losses
        self.deadline = deadline
        self.holder = holder
    }
}

/// How a request ended.
public struct RequestEnding: Sendable, Equatable {
    /// The outcome.
    public var outcome: ResponseMessage.Outcome
    /// The connector that gave it; nil when none did.
    public var connector: MemberID?
    /// Its name, where its process has beaten.
    public var connectorName: String?
    /// The dispatch that was answered; zero when there was none.
    public var attempt: UInt32
    /// When, on the tenant's clock.
    public var at: RelayTime

    /// Describes an ending.
    public init(
        _ outcome: ResponseMessage.Outcome, connector: MemberID? = nil, connectorName: String? = nil,
        attempt: UInt32, at: RelayTime
    ) {
        self.outcome = outcome
        self.connector = connector
        self.connectorName = connectorName
        self.attempt = attempt
        self.at = at
    }

    /// Whether nobody knows whether the request ran.
    public var isUnknown: Bool {
        if case .failed(let failure) = outcome { failure.code == .outcomeUnknown } else { false }
    }
}
