internal import Synchronization

/// A caller that waits for the one answer of its call; whoever comes first answers it.
final class CallWaiter: Sendable {
    private let continuation: Mutex<CheckedContinuation<CallResult, Never>?>

    init(_ continuation: CheckedContinuation<CallResult, Never>) {
        self.continuation = Mutex(continuation)
    }

    func resume(returning result: CallResult) {
        continuation.withLock { $0.take() }?.resume(returning: result)
    }
}
