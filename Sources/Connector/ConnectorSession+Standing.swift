internal import BrokerCore
internal import Logging
internal import RelayDelivery
public import RelayFormat
internal import ServiceLifecycle
internal import Synchronization

/// Drain, pause and resume, as commands and the tenant order them, and the end of a session.
extension ConnectorSession {
    /// Why the session ends.
    enum Ending: Sendable {
        case drained
        case replaced(note: String)
    }

    /// Whether the session takes work.
    public var standing: ConnectorStanding { state.withLock { $0.standing } }

    /// Whether the session ended, or is about to end, because it was told to drain.
    public var isEndingByDrain: Bool {
        state.withLock { if case .drained = $0.ending { true } else { false } }
    }

    /// Calls the closure after each pause and its end, whoever ordered them.
    public func onStandingChanged(_ observer: @escaping @Sendable () -> Void) {
        state.withLock { $0.observer = observer }
    }

    /// Calls the closure with what may be put on record; it must not block.
    public func onEvent(_ recorder: @escaping @Sendable (ConnectorEvent) -> Void) {
        state.withLock { $0.recorder = recorder }
    }

    /// Gives back what has not started, finishes what runs within the limit, and ends `run`; returns at once.
    ///
    /// Of two drains the newer limit holds.
    public func drain(atMost limit: Duration, note: String = "") {
        logger.notice("Told to drain", metadata: ["limit_s": "\(Int(limit.inSeconds))", "note": "\(note)"])
        // What lasts longer than a day lasts as long as it likes.
        conclude(.drained, atMost: min(max(limit, .zero), .seconds(86_400)), note: note)
    }

    /// Takes no work until it is resumed, or until the given moment; what runs goes on; returns at once.
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
        tellObserver()
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
        tellObserver()
    }

    /// Another process of this identity has taken its place: ends at once.
    func yield(note: String) {
        // The order is repeated for as long as our beats arrive.
        guard !state.withLock({ if case .replaced = $0.ending { true } else { false } }) else { return }
        logger.error("Another process of this connector has taken its place", metadata: ["note": "\(note)"])
        conclude(.replaced(note: note), atMost: .zero, note: "")
    }

    /// Ends a pause whose time has come.
    func endPauseIfDue() {
        let until = state.withLock { $0.standing.readiness == .paused ? $0.standing.until : nil }
        if let until, clock.now >= until { resume() }
    }

    private func tellObserver() {
        state.withLock { $0.observer }?()
    }

    private func conclude(_ ending: Ending, atMost limit: Duration, note: String) {
        let steps = change { state in
            if case .replaced = state.ending {} else { state.ending = ending }
            state.endsBy = .now + limit
            return refuseAll(&state, note: note)
        }
        carryOut(steps)
        beat()
        orders.put([.end])
    }

    /// Leaves the groups and joins them again, over connections that the broker has made meanwhile; what runs goes on.
    public func rejoinGroups() {
        guard standing.readiness == .ready else { return }
        orders.put([.leaveGroups, .joinGroups])
    }

    private func refuseAll(_ state: inout State, note: String? = nil) -> [Table.Step] {
        if state.standing.readiness != .observing {
            let note = note ?? (state.standing.readiness == .draining ? state.standing.note : "")
            state.standing = ConnectorStanding(.draining, note: note)
        }
        return state.table.refuseAll(at: clock.now)
    }

    /// Finishes what runs, leaves the groups, and sees that all has been said before the inbox closes.
    func end() async {
        carryOut(
            change { state in
                state.endsBy = state.endsBy ?? .now + configuration.drain
                return refuseAll(&state)
            })
        beat()
        await withGracefulShutdownHandler {
            await wait {
                self.orders.isClosed || self.state.withLock { $0.table.count == 0 || .now >= $0.endsBy ?? .now }
            }
        } onGracefulShutdown: {
            // Whoever stops the service does not wait as long as whoever drains it.
            self.state.withLock { $0.endsBy = min($0.endsBy ?? .now, .now + self.configuration.drain) }
        }
        // What comes until now is given back by RETURN; what comes later was never settled, and goes to others.
        await leaveGroups()
        outbox.close()
        let limit = ContinuousClock.now + .seconds(1)
        await wait { self.orders.isClosed || self.emptied.isClosed || .now >= limit }
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

    private func wait(until condition: () -> Bool) async {
        while !Task.isCancelled, !condition() {
            try? await Task.sleep(for: .milliseconds(5))
        }
    }
}
