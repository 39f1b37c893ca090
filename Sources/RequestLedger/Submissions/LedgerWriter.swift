internal import DurableFiles
internal import Failpoints
internal import GRDB
internal import Logging
internal import RelayDelivery
internal import Synchronization

/// Writes to the ledger, everything that waits in one transaction.
final class LedgerWriter: Sendable {
    /// One piece of work: changes the database and returns what is to be done once that is on disk.
    private struct Entry: Sendable {
        let kind: LedgerWork
        let bytes: Int
        let work: @Sendable (Database, inout LedgerSize) throws -> @Sendable () -> Void
        let fail: @Sendable (LedgerError) -> Void
    }

    private struct State {
        var transactions: UInt64 = 0
        var size: LedgerSize
    }

    private let queue: CommitQueue<Entry>
    private let largestWaiting: Int
    private let state: Mutex<State>

    init(database: DatabaseQueue, size: LedgerSize, largestWaiting: Int, logger: Logger) {
        queue = CommitQueue(database: database, name: "ledger", mostWeight: 4 << 20, logger: logger) { $0.bytes }
        self.largestWaiting = largestWaiting
        state = Mutex(State(size: size))
    }

    /// How many transactions were committed.
    var transactions: UInt64 { state.withLock { $0.transactions } }

    /// How much the ledger keeps.
    var size: LedgerSize { state.withLock { $0.size } }

    /// Does something to the database and returns when it is on disk.
    ///
    /// What `work` throws undoes the whole transaction, whose parts are then tried one by one; a failure that it returns
    /// concerns nobody else.
    /// - Parameter bytes: how much is written, roughly.
    func perform<Value: Sendable>(
        _ kind: LedgerWork, bytes: Int = 0,
        _ work: @escaping @Sendable (Database, inout LedgerSize) throws -> Result<Value, LedgerError>
    ) async throws(LedgerError) -> Value {
        let result: Result<Value, LedgerError> = await withCheckedContinuation { continuation in
            put(
                Entry(
                    kind: kind, bytes: bytes,
                    work: { database, size in
                        let result = try work(database, &size)
                        return { continuation.resume(returning: result) }
                    },
                    fail: { continuation.resume(returning: .failure($0)) }))
        }
        return try result.get()
    }

    /// Writes what waits, and closes the database.
    func close() async {
        await queue.close(write)
    }

    private func put(_ entry: Entry) {
        let limit = entry.kind == .submission ? largestWaiting : .max
        guard queue.put(CollectionOfOne(entry), atMost: limit) else {
            return entry.fail(LedgerError(.full, "too many submissions wait for the disk"))
        }
        queue.drain(write)
    }

    // MARK: On the connection's queue

    /// Writes a batch in one transaction; when that fails, each entry in its own, so that one spoils no other.
    @Sendable private func write(_ batch: ArraySlice<Entry>, into database: Database) {
        do {
            try commit(batch, into: database)
            return
        } catch {
            queue.note(failure: error)
            if let entry = batch.first, batch.count == 1 { return entry.fail(LedgerError(error)) }
        }
        // What is under way goes before what is new, which may take the last of the room.
        for entry in batch.filter({ $0.kind != .submission }) + batch.filter({ $0.kind == .submission }) {
            do {
                try commit(CollectionOfOne(entry), into: database)
            } catch {
                queue.note(failure: error)
                entry.fail(LedgerError(error))
            }
        }
    }

    private func commit(_ batch: some Collection<Entry>, into database: Database) throws {
        var size = state.withLock { $0.size }
        var completions: [@Sendable () -> Void] = []
        let kinds = Set(batch.map(\.kind))
        for kind in kinds { Failpoint.reach(kind.failpoints.before) }
        try database.inTransaction(.immediate) {
            for entry in batch { completions.append(try entry.work(database, &size)) }
            for kind in kinds { Failpoint.reach(kind.failpoints.inside) }
            return .commit
        }
        state.withLock { state in
            state.size = size
            state.transactions += 1
        }
        for kind in kinds { Failpoint.reach(kind.failpoints.after) }
        queue.note(failure: nil)
        for completion in completions { completion() }
    }
}
