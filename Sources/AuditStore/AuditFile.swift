internal import DurableFiles
internal import Foundation
internal import GRDB
public import Logging
internal import Synchronization

/// Append-only logs in one SQLite file, each with its chain and its tree.
///
/// What waits to be written goes into one transaction, which is on disk before those who wait are told. Several
/// processes may have the file open: each transaction reads the right edge of the tree that it adds to.
public final class AuditFile: Sendable {
    struct Change: Sendable {
        let work: @Sendable (Database) throws -> Void
        let completion: @Sendable (AuditStoreError?) -> Void
    }

    private static let mostWaiting = 4096

    /// Where the file is.
    public let path: String
    private let queue: CommitQueue<Change>
    private let reader: DatabaseQueue

    /// Opens or makes a file that its owner alone may read.
    ///
    /// - Parameter largestFile: the most bytes; a full file refuses what shall be put on record.
    public static func open(
        path: String, largestFile: Int = 64 << 30, logger: Logger
    ) async throws(AuditStoreError) -> AuditFile {
        do {
            return try await Blocking.run { try AuditFile(path: path, largestFile: largestFile, logger: logger) }
        } catch {
            throw AuditStoreError(.unavailable, "the audit file \(path) cannot be opened: \(error)")
        }
    }

    private init(path: String, largestFile: Int, logger: Logger) throws {
        self.path = path
        try PrivateFile.make(at: path)
        let writer = try DatabaseQueue(
            path: path, configuration: .durable(label: "postern.audit", largestFile: largestFile))
        try AuditSchema.migrator.migrate(writer)
        var configuration = Configuration()
        configuration.label = "postern.audit.reader"
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        reader = try DatabaseQueue(path: path, configuration: configuration)
        queue = CommitQueue(database: writer, name: "audit", mostWeight: 256, logger: logger) { _ in 1 }
    }

    /// How many bytes the file has.
    public var bytes: Int {
        (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
    }

    /// Writes what waits, and closes the file; nothing is taken from now on.
    public func close() async {
        queue.stop()
        await queue.close(write)
        try? reader.close()
    }

    // MARK: Writing

    /// Does something within the next transaction; returns when that is on disk.
    func change<Value: Sendable>(
        _ work: @escaping @Sendable (Database) throws -> Value
    ) async throws(AuditStoreError) -> Value {
        let result: Result<Value, AuditStoreError> = await withCheckedContinuation { continuation in
            let slot = Slot<Value>()
            submit { database in
                slot.value = try work(database)
            } completion: { error in
                if let error { return continuation.resume(returning: .failure(error)) }
                guard let value = slot.value else {
                    return continuation.resume(
                        returning: .failure(AuditStoreError(.unavailable, "the audit file was not written")))
                }
                continuation.resume(returning: .success(value))
            }
        }
        return try result.get()
    }

    /// Does something within the next transaction; returns at once.
    func submit(
        _ work: @escaping @Sendable (Database) throws -> Void,
        completion: @escaping @Sendable (AuditStoreError?) -> Void
    ) {
        guard queue.put(CollectionOfOne(Change(work: work, completion: completion)), atMost: Self.mostWaiting) else {
            return completion(AuditStoreError(.unavailable, "the audit file is closed, or too slow for what comes"))
        }
        queue.drain(write)
    }

    /// Reads, beside whoever writes.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(AuditStoreError) -> Value {
        do {
            return try await reader.read(body)
        } catch {
            throw Self.reason(for: error)
        }
    }

    /// What passes from the connection's queue to the one who waits: written before, read after the commit, there.
    private final class Slot<Value: Sendable>: Sendable {
        private let content = Mutex<Value?>(nil)
        var value: Value? {
            get { content.withLock { $0 } }
            set { content.withLock { $0 = newValue } }
        }
    }

    static func reason(for error: any Error) -> AuditStoreError {
        switch error {
        case let error as AuditStoreError: error
        case let error as DatabaseError
        where error.resultCode == .SQLITE_CORRUPT || error.resultCode == .SQLITE_NOTADB:
            AuditStoreError(.damaged, "the audit file is damaged: \(error)")
        default: AuditStoreError(.unavailable, "the audit file failed: \(error)")
        }
    }

    // MARK: On the connection's queue

    @Sendable private func write(_ batch: ArraySlice<Change>, into database: Database) {
        var failure: (any Error)?
        do {
            try database.inTransaction(.immediate) {
                for change in batch { try change.work(database) }
                return .commit
            }
        } catch {
            failure = error
        }
        queue.note(failure: failure)
        let reason = failure.map(Self.reason)
        for change in batch { change.completion(reason) }
    }
}
