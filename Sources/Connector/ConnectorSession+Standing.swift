internal import BrokerCore
internal import Logging
internal import RelayDelivery
public import RelayFormat
internal import Synchronization

/// Drain, pause and resume, as commands and the tenant order them, and the end of a session.
extension ConnectorSession {
    /// Why the session ends.
    enum Ending: Sendable {
        case drained(limit: Duration)
        case replaced(note: String)
    }

    /// Whether the session takes work.
    public var standing: ConnectorStanding { state.withLock { $0.standing } }

    /// Whether the session ended, or is about to end, because it was told to drain.
    public var isEndingByDrain: Bool {
        state.withLock { if case .drained = $0.ending { true } else { false } }
    }

    /// Gives back what has not started, finishes what runs within the limit, and ends `run`; returns at once.
    public func drain(atMost limit: Duration) {
        logger.notice("Told to drain", metadata: ["limit_s": "\(Int(limit.inSeconds))"])
        // What lasts longer than a day lasts as long as it likes.
        conclude(.drained(limit: min(max(limit, .zero), .seconds(86_400))))
    }

    /// Takes no work until it is resumed, or until the given moment; what runs goes on. Returns at once.
    public func pause(note: String, until: RelayTime? = nil) {
        let isPaused = state.withLock { state in
            guard state.ending == nil, state.standing.readiness != .draining, !configuration.isObserver else {
                return false
            }
            state.standing = ConnectorStanding(.paused, note: note, until: until)
            state.table.isRefusing = true
            return true
        }
        guard isPaused else { return }
        logger.notice("Paused", metadata: ["note": "\(note)"])
        orders.put([.leaveGroups])
        beat()
    }

    /// Takes work again after a pause; returns at once.
    public func resume() {
        let isResumed = state.withLock { state in
            guard state.standing.readiness == .paused else { return false }
            state.standing = ConnectorStanding(.ready)
            state.table.isRefusing = false
            return true
        }
        guard isResumed else { return }
        logger.notice("Resumed")
        orders.put([.joinGroups])
        beat()
    }

    /// Another process of this identity has taken its place: ends at once.
    func yield(note: String) {
        logger.error("Another process of this connector has taken its place", metadata: ["note": "\(note)"])
        conclude(.replaced(note: note))
    }

    /// Ends a pause whose time has come.
    func endPauseIfDue() {
        let until = state.withLock { $0.standing.readiness == .paused ? $0.standing.until : nil }
        if let until, clock.now >= until { resume() }
    }

    private func conclude(_ ending: Ending) {
        let steps = change { state in
            if state.ending == nil { state.ending = ending }
            return refuseAll(&state)
        }
        carryOut(steps)
        beat()
        orders.put([.end])
    }

    private func refuseAll(_ state: inout State) -> [Table.Step] {
        if state.standing.readiness != .observing { state.standing = ConnectorStanding(.draining) }
        return state.table.refuseAll(at: clock.now)
    }

    /// Finishes what runs, leaves the groups, and sees that all has been said before the inbox closes.
    func end() async {
        carryOut(change { refuseAll(&$0) })
        beat()
        let limit =
            switch state.withLock({ $0.ending }) {
            case .drained(let limit): limit
            case .replaced: Duration.zero
            case nil: configuration.drain
            }
        await wait(atMost: limit) { self.orders.isClosed || self.state.withLock { $0.table.count } == 0 }
        // What comes until now is given back by RETURN; what comes later was never settled, and goes to others.
        await leaveGroups()
        outbox.close()
        await wait(atMost: .seconds(1)) { self.orders.isClosed || self.emptied.isClosed }
    }

    /// Tears down the handlers that still work, and waits until they are gone.
    func abandonHandlers() async {
        let handlers = state.withLock { state in
            state.isAbandoning = true
            return Array(state.handlers.values)
        }
        for handler in handlers { handler.cancel() }
        for handler in handlers { await handler.value }
    }

    private func wait(atMost limit: Duration, until condition: () -> Bool) async {
        let end = ContinuousClock.now + limit
        while ContinuousClock.now < end, !Task.isCancelled, !condition() {
            try? await Task.sleep(for: .milliseconds(5))
        }
    }
}
