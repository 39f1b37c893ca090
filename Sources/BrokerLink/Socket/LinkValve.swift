internal import NIOCore
internal import Synchronization

/// Stops reading from a link while more than enough of what was read waits to be worked on.
final class LinkValve: Sendable {
    private struct State: ~Copyable {
        var held = 0
        var isReadOwed = false
    }

    private let channel: any Channel
    private let limit: Int
    private let state = Mutex(State())

    init(channel: any Channel, limit: Int) {
        self.channel = channel
        self.limit = limit
    }

    /// Counts what was read.
    func hold(_ cost: Int) {
        state.withLock { $0.held += cost }
    }

    /// Counts what was worked on, and reads again if that was owed.
    func release(_ cost: Int) {
        let readsAgain = state.withLock { state in
            state.held -= cost
            guard state.isReadOwed, state.held <= limit / 2 else { return false }
            state.isReadOwed = false
            return true
        }
        if readsAgain { channel.read() }
    }

    /// Whether the next read may go on; if not, it is made up for later.
    func admitsRead() -> Bool {
        state.withLock { state in
            guard state.held > limit else { return true }
            state.isReadOwed = true
            return false
        }
    }

    /// Whether the silence of the other end is our own doing.
    var isShut: Bool { state.withLock { $0.isReadOwed } }
}
