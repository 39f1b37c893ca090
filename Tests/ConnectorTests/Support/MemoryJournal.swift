import RelayDelivery
import RelayFormat
import Synchronization

/// A journal in memory that outlasts the sessions of a test, and can be made to fail.
final class MemoryJournal: ExecutionJournal {
    private struct State {
        var records: [RequestID: JournalRecord] = [:]
        var receipted: Set<RequestID> = []
        var failure: LedgerError?
    }

    private let state = Mutex(State())

    /// Why it takes nothing; nil when it does.
    var failure: LedgerError? {
        get { state.withLock { $0.failure } }
        set { state.withLock { $0.failure = newValue } }
    }

    subscript(id: RequestID) -> JournalRecord.State? { state.withLock { $0.records[id]?.state } }

    /// The process ended: what had begun is interrupted.
    func restart() {
        state.withLock { state in
            for (id, record) in state.records where record.state == .claimed || record.state == .started {
                state.records[id]?.state = .interrupted
            }
        }
    }

    func submit(_ changes: [JournalChange], completion: @escaping @Sendable (LedgerError?) -> Void) {
        let failure = state.withLock { state in
            if state.failure == nil {
                for change in changes { Self.apply(change, &state) }
            }
            return state.failure
        }
        completion(failure)
    }

    private static func apply(_ change: JournalChange, _ state: inout State) {
        switch change {
        case .begun(let record): state.records[record.id] = record
        case .withdrawn(let id, _): state.records[id] = nil
        case .finished(let id, let outcome): state.records[id]?.state = .finished(outcome)
        case .receipted(let id): state.receipted.insert(id)
        }
    }

    func find(_ ids: [RequestID]) async throws(LedgerError) -> [JournalRecord] {
        if let failure { throw failure }
        return state.withLock { state in ids.compactMap { state.records[$0] } }
    }

    func unconfirmed(at now: RelayTime) async throws(LedgerError) -> [JournalRecord] {
        state.withLock { state in
            state.records.values.filter { record in
                guard case .finished = record.state else { return false }
                return record.deadline > now && !state.receipted.contains(record.id)
            }
        }
    }
}
