public import RelayFormat

/// What became of one durable request since the ledger heard of it last.
public struct LedgerChange: Sendable, Equatable {
    /// The request.
    public var id: RequestID
    /// How far it has come by now.
    public var progress: RequestProgress
    /// What has happened since the last change, oldest first.
    public var events: [RequestEvent]
    /// How it ended; nil while it has not, or when it was taken up again.
    public var ending: RequestEnding?

    /// Makes a change.
    public init(id: RequestID, progress: RequestProgress, events: [RequestEvent], ending: RequestEnding? = nil) {
        self.id = id
        self.progress = progress
        self.events = events
        self.ending = ending
    }
}

/// Where a dispatcher keeps its durable requests.
///
/// A method that returns has its effect on disk. Everything that arrives at the same time shares one flush.
public protocol DispatchLedger: Sendable {
    /// Counts the starts of this dispatcher.
    ///
    /// - Returns: the number of this start, from 1.
    func countBoot() async throws(LedgerError) -> UInt64

    /// Takes a request in, unless its caller has used its key before.
    func submit(_ request: DurableRequest) async throws(LedgerError) -> LedgerAdmission

    /// Writes changes down in their order; those of requests that are not there are skipped.
    func record(_ changes: [LedgerChange]) async throws(LedgerError)

    /// Those of a tenant's requests that have no ending, or one that may still be resolved, oldest first.
    func unfinished(of tenant: TenantID) async throws(LedgerError) -> [DurableRequest]

    /// One request; nil when there is none of that id in the tenant.
    func request(_ id: RequestID, of tenant: TenantID) async throws(LedgerError) -> DurableRequest?

    /// The request that a caller has submitted under a key; nil when there is none, or not any more.
    func request(
        underKey key: String, of caller: String, service: String, tenant: TenantID
    ) async throws(LedgerError) -> RequestID?

    /// The newest requests of a tenant, without operation, body of the ending and events.
    func requests(of tenant: TenantID, matching filter: LedgerFilter) async throws(LedgerError) -> [DurableRequest]
}

/// Whether a request was taken in.
public enum LedgerAdmission: Sendable, Equatable {
    /// It is on disk.
    case stored
    /// Its caller brought the same request under the same key before: that one stands for it.
    case known(RequestID)
    /// Its caller used the same key for another request.
    case keyReused(RequestID)
}

/// Which requests are listed.
public struct LedgerFilter: Sendable, Equatable {
    /// How a request stands, as lists and filters name it.
    public enum State: String, Sendable, CaseIterable {
        /// It has no ending.
        case open
        /// Its service answered.
        case answered
        /// It ended without an answer, for any other reason than the following ones.
        case failed
        /// Nobody knows whether it ran.
        case unknown
        /// It was cancelled.
        case cancelled
        /// It was given up after its connector was lost too often.
        case deadLetter = "dead_letter"
    }

    /// Only those that stand so; nil for all.
    public var state: State?
    /// Only those of this group; nil for all.
    public var group: GroupID?
    /// Only those of this caller; nil for all.
    public var caller: String?
    /// The most that are listed.
    public var limit: Int

    /// Makes a filter.
    public init(state: State? = nil, group: GroupID? = nil, caller: String? = nil, limit: Int = 100) {
        self.state = state
        self.group = group
        self.caller = caller
        self.limit = limit
    }
}

extension LedgerFilter.State {
    /// How a request with that ending stands.
    public init(_ ending: RequestEnding?) {
        self =
            switch ending?.outcome {
            case nil: .open
            case .http: .answered
            case .failed(let failure):
                switch failure.code {
                case .outcomeUnknown: .unknown
                case .cancelled: .cancelled
                case .deadLetter: .deadLetter
                default: .failed
                }
            }
    }
}
