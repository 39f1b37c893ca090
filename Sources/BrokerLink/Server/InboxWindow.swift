internal import Synchronization

/// How many bytes of an inbox the client has room for.
final class InboxWindow: Sendable {
    private struct State: ~Copyable {
        var credit: Int
        var isClosed = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    /// What a client takes before its application has taken anything.
    static let size = 1 << 20

    private let state = Mutex(State(credit: size))

    /// Waits until there is any credit; false when the window is closed.
    ///
    /// For one caller at a time.
    func open() async -> Bool {
        await withCheckedContinuation { continuation in
            let resumeNow = state.withLock { state in
                guard !state.isClosed, state.credit <= 0 else { return true }
                state.waiter = continuation
                return false
            }
            if resumeNow { continuation.resume() }
        }
        return state.withLock { !$0.isClosed }
    }

    /// Takes as many of the records as there is credit for, at least one, out of the slice.
    func take(_ records: inout ArraySlice<[UInt8]>) -> [[UInt8]] {
        state.withLock { state in
            var taken: [[UInt8]] = []
            while state.credit > 0, let record = records.popFirst() {
                state.credit -= record.count
                taken.append(record)
            }
            return taken
        }
    }

    /// The client has room for so many bytes more; never for more than the whole window.
    func grant(_ bytes: Int) {
        state.withLock { state in
            state.credit = min(state.credit + bytes, Self.size)
            return state.credit > 0 ? state.waiter.take() : nil
        }?.resume()
    }

    /// Ends the waiting.
    func close() {
        state.withLock { state in
            state.isClosed = true
            return state.waiter.take()
        }?.resume()
    }
}
