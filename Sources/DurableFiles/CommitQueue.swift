internal import Dispatch
public import GRDB
public import Logging
internal import Synchronization

/// What waits to be written to one database: everything that waits goes into one transaction.
///
/// One connection does all writes and all checkpoints, on its own dispatch queue. The first to come schedules the drain;
/// what comes during a flush is the next batch.
public final class CommitQueue<Entry: Sendable>: Sendable {
    /// Writes a batch and tells those who wait for it; called on the connection's queue.
    public typealias Write = @Sendable (ArraySlice<Entry>, Database) -> Void

    private struct State {
        var waiting: [Entry] = []
        var waitingWeight = 0
        var isDraining = false
        var isStopped = false
        var isFailing = false
    }

    /// The most entries of one batch.
    private static var mostEntries: Int { 256 }

    /// The database, whose connection nothing else writes to.
    public let database: DatabaseQueue
    private let name: String
    private let mostWeight: Int
    private let weigh: @Sendable (Entry) -> Int
    private let logger: Logger
    private let state = Mutex(State())

    /// Makes an empty queue.
    ///
    /// - Parameters:
    ///   - name: of the database, for logs.
    ///   - mostWeight: of one batch, unless a single entry has more.
    ///   - weigh: what an entry counts, in whatever unit.
    public init(
        database: DatabaseQueue, name: String, mostWeight: Int, logger: Logger,
        weigh: @escaping @Sendable (Entry) -> Int
    ) {
        self.database = database
        self.name = name
        self.mostWeight = mostWeight
        self.logger = logger
        self.weigh = weigh
    }

    /// Puts entries in; they are written by the next drain.
    ///
    /// - Parameter limit: what may wait in all, with these.
    /// - Returns: false when that is too much, or the queue was stopped; then none of them is in.
    @discardableResult
    public func put(_ entries: some Collection<Entry>, atMost limit: Int = .max) -> Bool {
        let weight = entries.reduce(0) { $0 + weigh($1) }
        return state.withLock { state in
            guard !state.isStopped, weight <= limit - state.waitingWeight else { return false }
            state.waiting.append(contentsOf: entries)
            state.waitingWeight += weight
            return true
        }
    }

    /// Has what waits written soon; returns at once.
    public func drain(_ write: @escaping Write) {
        let isMine = state.withLock { state in
            guard !state.isDraining, !state.waiting.isEmpty else { return false }
            state.isDraining = true
            return true
        }
        if isMine { database.asyncWriteWithoutTransaction { self.drain(into: $0, write) } }
    }

    /// Takes nothing from now on.
    public func stop() {
        state.withLock { $0.isStopped = true }
    }

    /// Writes what waits, and returns when that is done.
    public func finish(_ write: @escaping Write) async {
        await withCheckedContinuation { continuation in
            database.asyncWriteWithoutTransaction { database in
                self.drain(into: database, write)
                continuation.resume()
            }
        }
    }

    /// Writes what waits, and closes the database.
    public func close(_ write: @escaping Write) async {
        await finish(write)
        await database.closeQuietly(name, logger: logger)
    }

    /// Says in the log when writing begins to fail, and when it works again.
    public func note(failure: (any Error)?) {
        let wasFailing = state.withLock { state in
            defer { state.isFailing = failure != nil }
            return state.isFailing
        }
        if let failure, !wasFailing {
            logger.error("Database cannot write", metadata: ["database": "\(name)", "reason": "\(failure)"])
        } else if failure == nil, wasFailing {
            logger.notice("Database writes again", metadata: ["database": "\(name)"])
        }
    }

    // MARK: On the connection's queue

    private func drain(into database: Database, _ write: Write) {
        while let all = takeWaiting() {
            var rest = all[...]
            while !rest.isEmpty {
                let batch = rest.prefix(batchLength(of: rest))
                rest = rest.dropFirst(batch.count)
                write(batch, database)
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
                state.waitingWeight = 0
            }
            return state.waiting
        }
    }

    private func batchLength(of waiting: ArraySlice<Entry>) -> Int {
        var length = 0
        var weight = 0
        for entry in waiting.prefix(Self.mostEntries) {
            weight += weigh(entry)
            if length > 0, weight > mostWeight { break }
            length += 1
        }
        return length
    }
}

extension DatabaseQueue {
    /// Closes the database on a thread that may block; what goes wrong is only logged.
    public func closeQuietly(_ name: String, logger: Logger) async {
        await Blocking.run {
            do {
                try self.close()
            } catch {
                logger.warning("Database closed badly", metadata: ["database": "\(name)", "reason": "\(error)"])
            }
        }
    }
}
