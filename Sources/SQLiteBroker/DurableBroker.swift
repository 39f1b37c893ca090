public import BrokerCore
public import Logging

/// The embedded queue with its durable records in one SQLite file: for one machine, and for everyone's first hour.
///
/// A durable record may be handed to a member while its commit is under way; its `send` returns when it is on disk.
/// After a restart every record found comes as a possible redelivery: a mark of what was handed out would have to be on
/// disk before each hand-over, a second flush for each durable record, only to spare a claim after a restart.
public final class DurableBroker: EmbeddedBroker {
    public let queue: EmbeddedQueue
    public let capabilities: BrokerCapabilities
    private let store: SQLiteRecordStore

    /// Opens the queue in a file, makes the file if it is not there, and rebuilds the ready lists from it.
    ///
    /// `run` has to be called for leases and records to end by themselves. One process has the file open at a time.
    /// - Parameters:
    ///   - path: of the file, in a directory that exists; the file is readable by its owner alone.
    ///   - largestFile: the most bytes that the file may have; durable records beyond it are refused.
    public static func open(
        path: String, limits: BoardLimits = BoardLimits(), clock: RelayClock = .system, largestFile: Int = 8 << 30,
        logger: Logger
    ) async throws(SQLiteBrokerError) -> DurableBroker {
        let now = clock.now
        let (store, recovered) = try await SQLiteRecordStore.open(
            path: path, largestFile: largestFile, now: now, logger: logger)
        logger.info("queue opened", metadata: ["path": "\(path)", "recovered": "\(recovered.count)"])
        return DurableBroker(
            store: store, queue: EmbeddedQueue(limits: limits, clock: clock, store: store, recovered: recovered),
            largestPayload: limits.largestPayload)
    }

    /// How many transactions were committed since the opening; far fewer than records when many senders are at work.
    public var transactions: UInt64 { store.transactions }

    private init(store: SQLiteRecordStore, queue: EmbeddedQueue, largestPayload: Int) {
        self.store = store
        self.queue = queue
        capabilities = BrokerCapabilities(
            name: "embedded", largestPayload: largestPayload, durability: .disk, canProvision: true,
            seesClosedLinks: true)
    }
}
