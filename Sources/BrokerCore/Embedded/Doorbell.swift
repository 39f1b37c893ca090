internal import RelayFormat
internal import Synchronization

/// Wakes one waiting task; a ring that nobody waits for is kept, and several are one.
final class Doorbell: Sendable {
    private enum State {
        case quiet
        case rung
        case awaited(CheckedContinuation<Void, Never>)
    }

    private let state = Mutex(State.quiet)

    func ring() {
        state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard case .awaited(let waiter) = state else {
                state = .rung
                return nil
            }
            state = .quiet
            return waiter
        }?.resume()
    }

    /// Waits for a ring, or for the end of the task.
    ///
    /// For one caller at a time.
    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let resumeNow = state.withLock { state -> Bool in
                    switch state {
                    case .quiet:
                        if Task.isCancelled { return true }
                        state = .awaited(continuation)
                        return false
                    case .rung:
                        state = .quiet
                        return true
                    case .awaited: preconditionFailure("a doorbell has one waiting task")
                    }
                }
                if resumeNow { continuation.resume() }
            }
        } onCancel: {
            state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard case .awaited(let waiter) = state else { return nil }
                state = .quiet
                return waiter
            }?.resume()
        }
    }

    /// Waits for a ring, but no longer than a time.
    func wait(atMost time: Duration) async {
        await withTaskGroup { group in
            group.addTask { try? await Task.sleep(for: time) }
            group.addTask { await self.wait() }
            await group.next()
            group.cancelAll()
        }
    }
}
