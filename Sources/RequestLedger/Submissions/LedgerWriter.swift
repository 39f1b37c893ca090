internal import Failpoints
internal import GRDB
internal import Logging
internal import RelayDelivery
internal import Synchronization

/// Writes to the ledger, everything that waits in one transaction.
///
/// One connection does all writes and all checkpoints, on its own dispatch queue. The first to come schedules the drain;
/// what comes during a flush is the next batch.
final class LedgerWriter: Sendable {
    /// One piece of work: changes the database and returns what is to be done once that is on disk.
    private struct Entry {
        let kind: LedgerWork
        let bytes: Int
        let work: @Sendable (Database, inout LedgerSize) throws -> @Sendable () -> Void
        let fail: @Sendable (LedgerError) -> Void
    }

    private struct State {
        var waiting: [Entry] = []
        var waitingBytes = 0
        var isDraining = false
        var isFailing = false
        var transactions: UInt64 = 0
        var size: LedgerSize
    }

    private static let batchEntries = 256
    private static let batchBytes = 4 << 20

    let database: DatabaseQueue
    private let largestWaiting: Int
    private let logger: Logger
    private let state: Mutex<State>

    init(database: DatabaseQueue, size: LedgerSize, largestWaiting: Int, logger: Logger) {
        self.database = database
        self.largestWaiting = largestWaiting
        self.logger = logger
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

    /// Waits until all that was put before is done.
    func finish() async {
        await withCheckedContinuation { continuation in
            database.asyncWriteWithoutTransaction { database in
                self.drain(into: database)
                continuation.resume()
            }
        }
    }

    private func put(_ entry: Entry) {
        enum Verdict { case refused, waits, begins }
        let verdict = state.withLock { state -> Verdict in
            if entry.kind == .submission, state.waitingBytes + entry.bytes > largestWaiting { return .refused }
            state.waiting.append(entry)
            state.waitingBytes += entry.bytes
            guard !state.isDraining else { return .waits }
            state.isDraining = true
            return .begins
        }
        switch verdict {
        case .refused: entry.fail(LedgerError(.full, "too many submissions wait for the disk"))
        case .waits: break
        case .begins: database.asyncWriteWithoutTransaction { self.drain(into: $0) }
        }
    }

    // MARK: On the connection's queue

    private func drain(into database: Database) {
        while let all = takeWaiting() {
            var rest = all[...]
            while !rest.isEmpty {
                let batch = rest.prefix(Self.batchLength(of: rest))
                rest = rest.dropFirst(batch.count)
                write(Array(batch), into: database)
            }
        }
    }

    private func takeWaiting() -> [Entry]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isDraining = false
                return nil
            }
            defer {
                state.waiting = []
                state.waitingBytes = 0
            }
            return state.waiting
        }
    }

    private static func batchLength(of waiting: ArraySlice<Entry>) -> Int {
        var length = 0
        var bytes = 0
        for entry in waiting.prefix(batchEntries) {
            bytes += entry.bytes
            if length > 0, bytes > batchBytes { break }
            length += 1
        }
        return length
    }

    /// Writes a batch in one transaction; when that fails, each entry in its own, so that one spoils no other.
    private func write(_ batch: [Entry], into database: Database) {
        do {
            try commit(batch, into: database)
            return
        } catch {
            note(failure: error)
            if batch.count == 1 { return batch[0].fail(LedgerError(error)) }
        }
        // What is under way goes before what is new, which may take the last of the room.
        for entry in batch.filter({ $0.kind != .submission }) + batch.filter({ $0.kind == .submission }) {
            do {
                try commit([entry], into: database)
            } catch {
                note(failure: error)
                entry.fail(LedgerError(error))
            }
        }
    }

    private func commit(_ batch: [Entry], into database: Database) throws {
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
        note(failure: nil)
        for completion in completions { completion() }
    }

    private func note(failure: (any Error)?) {
        let wasFailing = state.withLock { state in
            defer { state.isFailing = failure != nil }
            return state.isFailing
        }
        if let failure, !wasFailing {
            logger.error("Ledger cannot write", metadata: ["error": "\(failure)"])
        } else if failure == nil, wasFailing {
            logger.notice("Ledger writes again")
        }
    }
}
