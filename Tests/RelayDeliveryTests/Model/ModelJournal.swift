import RelayDelivery
import RelayFormat

/// The journal of a connector in the model: outlasts its processes; a cut of the power takes what was not flushed.
final class ModelJournal {
    private var records: [RequestID: JournalRecord] = [:]
    private var receipted: Set<RequestID> = []
    private var flushed: [RequestID: JournalRecord] = [:]
    private var unflushed: [JournalChange] = []

    func apply(_ changes: [JournalChange]) {
        for change in changes {
            Self.apply(change, to: &records)
            if case .receipted(let id) = change { receipted.insert(id) }
            unflushed.append(change)
            guard change.mustBeFlushed else { continue }
            flushed = records
            unflushed = []
        }
    }

    private static func apply(_ change: JournalChange, to records: inout [RequestID: JournalRecord]) {
        switch change {
        case .begun(let record): records[record.id] = record
        case .withdrawn(let id, let attempt):
            guard let record = records[id], record.attempt <= attempt else { return }
            if record.state == .claimed || record.state == .started { records[id] = nil }
        case .finished(let id, let outcome): records[id]?.state = .finished(outcome)
        case .receipted: break
        }
    }

    /// Another process opens it.
    func reopen() {
        for (id, record) in records where record.state == .claimed || record.state == .started {
            records[id]?.state = .interrupted
        }
        flushed = records
        unflushed = []
    }

    /// What was written last, and not flushed, is gone.
    func cutPower(keeping count: (Int) -> Int) {
        records = flushed
        for change in unflushed.prefix(count(unflushed.count)) { Self.apply(change, to: &records) }
        unflushed = []
    }

    func find(_ id: RequestID) -> JournalRecord? { records[id] }

    func unconfirmed(at now: RelayTime) -> [JournalRecord] {
        records.values.filter { record in
            if case .finished = record.state { !receipted.contains(record.id) && now < record.deadline } else { false }
        }.sorted { $0.id.low < $1.id.low }
    }
}
