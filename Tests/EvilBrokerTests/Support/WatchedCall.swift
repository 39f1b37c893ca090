import Dispatcher
import Synchronization

/// A call whose end can be looked at.
final class WatchedCall: Sendable {
    private final class Flag: Sendable {
        let isUp = Atomic(false)
    }

    private let flag: Flag
    private let task: Task<CallResult, Never>

    init(_ call: @escaping @Sendable () async -> CallResult) {
        let flag = Flag()
        // Owned by whoever made the call, and waits for its result.
        task = Task {
            let result = await call()
            flag.isUp.store(true, ordering: .releasing)
            return result
        }
        self.flag = flag
    }

    /// Whether the caller has an answer.
    var isOver: Bool { flag.isUp.load(ordering: .acquiring) }

    /// The caller leaves.
    func cancel() { task.cancel() }

    /// The answer.
    var result: CallResult { get async { await task.value } }
}
