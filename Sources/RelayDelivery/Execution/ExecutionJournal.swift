public import RelayFormat

/// What a connector writes down of a request that must not run twice.
public struct JournalRecord: Sendable, Equatable {
    /// How far the request has come.
    public enum State: Sendable, Equatable {
        /// It waits for its grant; after a restart nobody knows whether it was started.
        case claimed
        /// The service may have been touched.
        case started
        /// It has ended; the outcome is nil when it had to make room for others.
        case finished(ResponseMessage.Outcome?)
        /// An earlier boot had claimed or started it, and ended before it did.
        case interrupted
    }

    /// The request.
    public var id: RequestID
    /// Which dispatch of it.
    public var attempt: UInt32
    /// The class under which it runs.
    public var requestClass: RequestClass
    /// The tenant that asked.
    public var tenant: TenantID
    /// The group in whose name it came.
    public var group: GroupID
    /// The dispatcher that takes the answer, whichever of its boots.
    public var dispatcher: MemberID
    /// When its caller no longer waits.
    public var deadline: RelayTime
    /// How far it has come.
    public var state: State

    /// Makes a record.
    public init(
        id: RequestID, attempt: UInt32, requestClass: RequestClass, tenant: TenantID, group: GroupID,
        dispatcher: MemberID, deadline: RelayTime, state: State
    ) {
        self.id = id
        self.attempt = attempt
        self.requestClass = requestClass
        self.tenant = tenant
        self.group = group
        self.dispatcher = dispatcher
        self.deadline = deadline
        self.state = state
    }
}

/// What a connector tells its journal.
public enum JournalChange: Sendable, Equatable {
    /// A request is claimed or about to be started; it replaces what is written of its earlier attempts.
    case begun(JournalRecord)
    /// A claimed request was not started and never will be under this attempt.
    case withdrawn(RequestID, attempt: UInt32)
    /// A request has ended.
    case finished(RequestID, ResponseMessage.Outcome)
    /// The dispatcher has the outcome.
    case receipted(RequestID)

    /// Whether the change must be on the disk itself before `record` returns, proof against a power cut.
    public var mustBeFlushed: Bool {
        if case .begun = self { true } else { false }
    }
}

/// Where a connector keeps what it has started and how it ended, over its own restarts.
///
/// Absence in it never proves that something did not start.
public protocol ExecutionJournal: Sendable {
    /// Takes changes to be written, all or none of them, after all that came before; never waits.
    ///
    /// What has begun is flushed to disk before `completion` is called; the rest survives the process, and not a power
    /// cut. Changes that arrive at the same time share one flush.
    func submit(_ changes: [JournalChange], completion: @escaping @Sendable (LedgerError?) -> Void)

    /// What is known of those of the given requests that are in the journal.
    func find(_ ids: [RequestID]) async throws(LedgerError) -> [JournalRecord]

    /// Those that have ended, whose outcome no dispatcher has confirmed, and whose deadline is later than `now`.
    func unconfirmed(at now: RelayTime) async throws(LedgerError) -> [JournalRecord]
}

extension ExecutionJournal {
    /// Writes changes down, all or none of them.
    public func record(_ changes: [JournalChange]) async throws(LedgerError) {
        let error = await withCheckedContinuation { continuation in
            submit(changes) { continuation.resume(returning: $0) }
        }
        if let error { throw error }
    }

    /// Has changes written whose loss does no harm.
    public func note(_ changes: [JournalChange]) {
        if !changes.isEmpty { submit(changes) { _ in } }
    }
}
