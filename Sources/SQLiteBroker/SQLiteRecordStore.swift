internal import BrokerCore
internal import DurableFiles
internal import Failpoints
internal import GRDB
internal import Logging
internal import Synchronization

/// Writes what durable records need, many operations in one transaction.
final class SQLiteRecordStore: RecordStore {
    private struct Waiting: Sendable {
        let operation: StoreOperation
        let ticket: StoreTicket
    }

    private struct State {
        /// Deletions that failed; they go along with the next batch.
        var overdue: [UInt64] = []
        var transactions: UInt64 = 0
    }

    private let queue: CommitQueue<Waiting>
    private let state = Mutex(State())

    init(database: DatabaseQueue, logger: Logger) {
        queue = CommitQueue(database: database, name: "queue", mostWeight: 1 << 20, logger: logger) { waiting in
            if case .insert(let record) = waiting.operation { record.payload.count } else { 0 }
        }
    }

    var transactions: UInt64 { state.withLock { $0.transactions } }

    func enqueue(_ operations: [StoreOperation]) -> StoreTicket {
        let ticket = StoreTicket(operations: operations.count)
        queue.put(operations.map { Waiting(operation: $0, ticket: ticket) })
        return ticket
    }

    func flush() {
        queue.drain(write)
    }

    func close() async {
        await queue.close(write)
    }

    // MARK: On the connection's queue

    @Sendable private func write(_ batch: ArraySlice<Waiting>, into database: Database) {
        let failures = write(batch.map(\.operation), into: database)
        for (waiting, failure) in zip(batch, failures) { waiting.ticket.resolve(waiting.operation.record, failure) }
    }

    /// Writes a batch in one transaction; when that fails, each operation in its own, so that one spoils no other.
    private func write(_ operations: [StoreOperation], into database: Database) -> [BrokerError?] {
        let overdue = state.withLock { $0.overdue }
        do {
            try commit(overdue.map { .delete($0) } + operations, into: database)
            queue.note(failure: nil)
            if !overdue.isEmpty { state.withLock { $0.overdue.removeFirst(overdue.count) } }
            return operations.map { _ in nil }
        } catch {
            queue.note(failure: error)
        }
        // Deletions first: they may make the room that the insertions need.
        let deletions = overdue + operations.compactMap { if case .delete(let number) = $0 { number } else { nil } }
        let remaining = deletions.isEmpty ? [] : deleteOneByOne(deletions, into: database)
        state.withLock { $0.overdue = remaining }
        let settled = Set(deletions)
        return operations.map { operation in
            guard case .insert(let record) = operation, !settled.contains(record.number) else { return nil }
            do {
                try commit([operation], into: database)
                return nil
            } catch {
                return BrokerError(storing: error)
            }
        }
    }

    /// Deletes what can be deleted.
    ///
    /// - Returns: what could not.
    private func deleteOneByOne(_ numbers: [UInt64], into database: Database) -> [UInt64] {
        if (try? commit(numbers.map { .delete($0) }, into: database)) != nil { return [] }
        return numbers.filter { (try? commit([.delete($0)], into: database)) == nil }
    }

    private func commit(_ operations: [StoreOperation], into database: Database) throws {
        reach(.queueAppendBefore, .queueSettleBefore, for: operations)
        try database.inTransaction(.immediate) {
            for operation in operations { try database.apply(operation) }
            reach(.queueAppendInside, .queueSettleInside, for: operations)
            return .commit
        }
        reach(.queueAppendAfter, .queueSettleAfter, for: operations)
        state.withLock { $0.transactions += 1 }
    }

    private func reach(_ append: Failpoint, _ settle: Failpoint, for operations: [StoreOperation]) {
        #if DEBUG
            for operation in operations {
                switch operation {
                case .insert: Failpoint.reach(append)
                case .delete: Failpoint.reach(settle)
                }
            }
        #endif
    }
}
