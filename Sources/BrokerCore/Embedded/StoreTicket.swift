internal import Synchronization

/// Tells how operations of a durable store ended, once all of them have.
public final class StoreTicket: Sendable {
    private struct State: ~Copyable {
        var unresolved: Int
        var failures: [UInt64: BrokerError] = [:]
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>

    /// Makes the ticket of a number of operations.
    public init(operations: Int) {
        state = Mutex(State(unresolved: operations))
    }

    /// Notes the end of one operation on a record.
    public func resolve(_ record: UInt64, _ failure: BrokerError? = nil) {
        state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.unresolved -= 1
            if let failure { state.failures[record] = failure }
            return state.unresolved == 0 ? state.waiter.take() : nil
        }?.resume()
    }

    /// Waits for the end of all operations; the failures by record number.
    ///
    /// For one caller. Cancelling does not end the wait: it is as short as the disk.
    public func failures() async -> [UInt64: BrokerError] {
        await withCheckedContinuation { continuation in
            let isResolved = state.withLock { state -> Bool in
                guard state.unresolved > 0 else { return true }
                state.waiter = continuation
                return false
            }
            if isResolved { continuation.resume() }
        }
        return state.withLock { $0.failures }
    }
}
