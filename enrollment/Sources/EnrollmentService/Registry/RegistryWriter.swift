internal import GRDB
internal import Synchronization

/// Changes of the registry that wait for the disk together: what comes while one transaction is flushed goes into the
/// next.
///
/// A thousand connectors that renew at once share some dozens of flushes. Each change has a savepoint of its own, so that
/// one that is refused takes nothing of the others back; all of them are on disk before any is answered. They run on the
/// database's own queue, away from the cooperative pool.
final class RegistryWriter: Sendable {
    /// The most changes of one transaction, each of which may have to sign a certificate.
    private static let mostChanges = 64

    /// A change and whoever waits for it.
    private struct Pending: Sendable {
        /// Makes the change; throws only when the transaction is lost.
        let attempt: @Sendable (Database) throws -> Void
        /// Answers, once the transaction is committed or has failed.
        let answer: @Sendable ((any Error)?) -> Void
    }

    private struct State {
        var waiting: [Pending] = []
        var isDraining = false
    }

    private let database: DatabasePool
    private let state = Mutex(State())

    init(database: DatabasePool) {
        self.database = database
    }

    /// Makes a change, all of it or nothing, and returns when it is on disk.
    func write<Value: Sendable>(_ change: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let outcome = Mutex<Result<Value, any Error>?>(nil)
            enqueue(
                Pending(
                    attempt: { database in
                        let result = Result { try Self.inSavepoint(database, change) }
                        guard database.isInsideTransaction else { throw Self.lost }
                        outcome.withLock { $0 = result }
                    },
                    answer: { failure in
                        if let failure { return continuation.resume(throwing: failure) }
                        continuation.resume(with: outcome.withLock { $0 } ?? .failure(Self.lost))
                    }))
        }
    }

    private static var lost: EnrollmentServiceError {
        EnrollmentServiceError(.registry, "The registry has taken the transaction back.")
    }

    private func enqueue(_ pending: Pending) {
        let isFirst = state.withLock { state in
            state.waiting.append(pending)
            defer { state.isDraining = true }
            return !state.isDraining
        }
        guard isFirst else { return }
        database.asyncWriteWithoutTransaction { self.drain(into: $0) }
    }

    private static func inSavepoint<Value>(_ database: Database, _ change: (Database) throws -> Value) throws -> Value {
        var value: Value?
        try database.inSavepoint {
            value = try change(database)
            return .commit
        }
        guard let value else { throw lost }
        return value
    }

    // MARK: On the database's queue

    /// Writes one batch, then lets others at the database before the next.
    private func drain(into database: Database) {
        let batch = state.withLock { state in
            let batch = Array(state.waiting.prefix(Self.mostChanges))
            state.waiting.removeFirst(batch.count)
            if batch.isEmpty { state.isDraining = false }
            return batch
        }
        guard !batch.isEmpty else { return }
        var failure: (any Error)?
        do {
            try database.inTransaction(.immediate) {
                for pending in batch { try pending.attempt(database) }
                return .commit
            }
        } catch { failure = error }
        for pending in batch { pending.answer(failure) }
        self.database.asyncWriteWithoutTransaction { self.drain(into: $0) }
    }
}
