internal import BrokerCore
internal import Dispatch
internal import Failpoints
internal import GRDB
internal import Logging
internal import Synchronization

/// Writes what durable records need, many operations in one transaction.
///
/// One connection does all writes and all checkpoints, on its own dispatch queue. The first to enqueue schedules the
/// drain; what comes during a flush is the next batch.
final class SQLiteRecordStore: RecordStore {
    private struct Waiting {
        let operation: StoreOperation
        let ticket: StoreTicket
    }

    private struct State {
        var waiting: [Waiting] = []
        var isDraining = false
        /// Deletions that failed; they go along with the next batch.
        var overdue: [UInt64] = []
        var isFailing = false
        var transactions: UInt64 = 0
    }

    private static let batchOperations = 256
    private static let batchBytes = 1 << 20

    private let database: DatabaseQueue
    private let logger: Logger
    private let state = Mutex(State())

    init(database: DatabaseQueue, logger: Logger) {
        self.database = database
        self.logger = logger
    }

    var transactions: UInt64 { state.withLock { $0.transactions } }

    func enqueue(_ operations: [StoreOperation]) -> StoreTicket {
        let ticket = StoreTicket(operations: operations.count)
        state.withLock { state in
            for operation in operations { state.waiting.append(Waiting(operation: operation, ticket: ticket)) }
        }
        return ticket
    }

    func flush() {
        let isMine = state.withLock { state -> Bool in
            guard !state.isDraining, !state.waiting.isEmpty else { return false }
            state.isDraining = true
            return true
        }
        if isMine { database.asyncWriteWithoutTransaction { self.drain(into: $0) } }
    }

    func close() async {
        await withCheckedContinuation { continuation in
            database.asyncWriteWithoutTransaction { database in
                self.drain(into: database)
                continuation.resume()
            }
        }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                do {
                    try self.database.close()
                } catch {
                    self.logger.warning("queue closed badly", metadata: ["error": "\(error)"])
                }
                continuation.resume()
            }
        }
    }

    // MARK: On the connection's queue

    private func drain(into database: Database) {
        while let all = takeWaiting() {
            var rest = all[...]
            while !rest.isEmpty {
                let batch = rest.prefix(Self.batchLength(of: rest))
                rest = rest.dropFirst(batch.count)
                let failures = write(batch.map(\.operation), into: database)
                for (waiting, failure) in zip(batch, failures) {
                    waiting.ticket.resolve(waiting.operation.record, failure)
                }
            }
        }
    }

    private func takeWaiting() -> [Waiting]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isDraining = false
                return nil
            }
            defer { state.waiting = [] }
            return state.waiting
        }
    }

    private static func batchLength(of waiting: ArraySlice<Waiting>) -> Int {
        var length = 0
        var bytes = 0
        for entry in waiting.prefix(batchOperations) {
            if case .insert(let record) = entry.operation { bytes += record.payload.count }
            if length > 0, bytes > batchBytes { break }
            length += 1
        }
        return length
    }

    /// Writes a batch in one transaction; when that fails, each operation in its own, so that one spoils no other.
    private func write(_ operations: [StoreOperation], into database: Database) -> [BrokerError?] {
        let overdue = state.withLock { $0.overdue }
        do {
            try commit(overdue.map { .delete($0) } + operations, into: database)
            note(failure: nil)
            if !overdue.isEmpty { state.withLock { $0.overdue.removeFirst(overdue.count) } }
            return operations.map { _ in nil }
        } catch {
            note(failure: error)
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

    private func note(failure: (any Error)?) {
        let wasFailing = state.withLock { state in
            defer { state.isFailing = failure != nil }
            return state.isFailing
        }
        if let failure, !wasFailing {
            logger.error("queue cannot write", metadata: ["error": "\(failure)"])
        } else if failure == nil, wasFailing {
            logger.notice("queue writes again")
        }
    }
}
