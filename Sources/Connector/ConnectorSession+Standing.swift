internal import Logging
internal import RelayDelivery
public import RelayFormat
internal import Synchronization

/// Drain, pause and resume, as commands and the tenant order them.
extension ConnectorSession {
    /// Whether the session takes work.
    public var standing: ConnectorStanding { state.withLock { $0.standing } }

    /// Whether the session ended, or is about to end, because it was told to drain.
    public var isEndingByDrain: Bool { state.withLock { $0.isEndingByDrain } }

    /// Gives back what has not started, finishes what runs within the limit, and ends `run`; returns at once.
    public func drain(atMost limit: Duration, note: String = "") {
        state.withLock { state in
            state.isEndingByDrain = true
            state.standing = ConnectorStanding(.draining, note: note)
        }
    }

    /// Takes no work until it is resumed, or until the given moment; what runs goes on. Returns at once.
    public func pause(note: String, until: RelayTime? = nil) {
        state.withLock { $0.standing = ConnectorStanding(.paused, note: note, until: until) }
    }

    /// Takes work again after a pause; returns at once.
    public func resume() {
        state.withLock { $0.standing = ConnectorStanding(.ready) }
    }

    /// Calls the closure after each pause and its end, whoever ordered them.
    public func onStandingChanged(_ observer: @escaping @Sendable () -> Void) {
        state.withLock { $0.observer = observer }
    }
}
