internal import BrokerCore
internal import RelayFormat
internal import Synchronization

/// Those who wait until durable requests have ended.
final class EndWatch: Sendable {
    private struct State: ~Copyable {
        var waiting: [RequestID: [UInt64: Mailbox<Never>]] = [:]
        var next: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Begins to wait: the mailbox closes when the request ends.
    func begin(_ id: RequestID) -> (number: UInt64, ended: Mailbox<Never>) {
        let mailbox = Mailbox<Never>()
        return state.withLock { state in
            state.next += 1
            state.waiting[id, default: [:]][state.next] = mailbox
            return (state.next, mailbox)
        }
    }

    /// Waits no longer.
    func stop(_ id: RequestID, _ number: UInt64) {
        state.withLock { state in
            state.waiting[id]?[number] = nil
            if state.waiting[id]?.isEmpty == true { state.waiting[id] = nil }
        }
    }

    /// A request has ended.
    func ended(_ id: RequestID) {
        let mailboxes = state.withLock { $0.waiting.removeValue(forKey: id) }
        for mailbox in (mailboxes ?? [:]).values { mailbox.close() }
    }
}
