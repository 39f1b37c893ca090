public import RelayFormat
internal import Synchronization

/// The engine of the embedded brokers: a board behind one lock, and a durable store if there is one.
///
/// Each event is decided under the lock and acted on after it; nobody waits inside it, and nothing polls.
public final class EmbeddedQueue: Sendable {
    private struct State {
        var board: QueueBoard
        var bells: [ReaderID: Doorbell] = [:]
        /// The moment for which `run` sleeps.
        var alarmAt = RelayTime.never
        var isClosed = false
    }

    private let state: Mutex<State>
    private let clock: RelayClock
    private let store: (any RecordStore)?
    private let alarm = Doorbell()

    /// Makes a queue.
    ///
    /// Records are numbered from the present time on, so that a token of a former process never fits a new record.
    /// - Parameters:
    ///   - store: where durable records are kept; without it they are refused.
    ///   - recovered: what the store held, the oldest first. All of it comes as a possible redelivery, because nothing
    ///     on disk tells what was handed out before.
    public init(
        limits: BoardLimits, clock: RelayClock, store: (any RecordStore)? = nil, recovered: [StoredRecord] = []
    ) {
        self.clock = clock
        self.store = store
        let now = clock.now
        var board = QueueBoard(
            limits: limits, durability: store == nil ? .process : .disk,
            firstRecord: 1 + (now.milliseconds & (1 << 42 - 1)) << 20)
        for record in recovered { board.restore(record, now: now) }
        state = Mutex(State(board: board))
    }

    /// What the queue holds and what happened on it.
    public var counters: BoardCounters { state.withLock { $0.board.account.counters } }

    /// Ends leases and records when their time comes, until the queue is closed or the task is cancelled.
    public func run() async {
        while !Task.isCancelled, let next = meetDeadlines() {
            if next == .never {
                await alarm.wait()
            } else {
                await alarm.wait(atMost: next - clock.now)
            }
        }
    }

    /// Ends the leases and the records whose time has come by now.
    ///
    /// - Returns: when there is more to end; nil when the queue is closed.
    @discardableResult
    public func meetDeadlines() -> RelayTime? {
        let (next, ticket) = act { state, now -> RelayTime? in
            guard !state.isClosed else { return nil }
            state.alarmAt = state.board.meetDeadlines(now: now)
            return state.alarmAt
        }
        if ticket != nil { store?.flush() }
        return next
    }

    /// Stores records; does not suspend unless one of them has to be on disk.
    ///
    /// A record to an inbox that nobody has open is dropped, counted and reported as `stored`: its reader is gone or
    /// not there yet, and the relay protocol repeats what matters until it is answered. Records to inboxes and to
    /// presence live no longer than their readers, whatever durability they ask for.
    public func send(_ records: [OutgoingRecord]) async -> [SendOutcome] {
        let (admissions, ticket) = act { state, now -> [QueueBoard.Admission] in
            if state.isClosed {
                let refusal = QueueBoard.Admission(outcome: .failed(Self.closed))
                return Array(repeating: refusal, count: records.count)
            }
            return records.map { state.board.send($0, now: now) }
        }
        guard let ticket else { return admissions.map(\.outcome) }
        let failures = await written(ticket)
        guard !failures.isEmpty else { return admissions.map(\.outcome) }
        return zip(records, admissions).map { record, admission in
            guard let number = admission.durable, let failure = failures[number], case .group(let place) = record.place
            else { return admission.outcome }
            return withdraw(number, from: place, after: failure)
        }
    }

    /// Ends all readers; what is on disk stays there.
    public func close() async {
        let isFirst = act { state, _ -> Bool in
            guard !state.isClosed else { return false }
            state.isClosed = true
            state.board.closeAll()
            return true
        }.0
        guard isFirst else { return }
        alarm.ring()
        await store?.close()
    }

    /// Says what became of a record that could not be stored: a member may have had it, and even have settled it.
    private func withdraw(_ number: UInt64, from place: GroupPlace, after failure: BrokerError) -> SendOutcome {
        let (outcome, ticket) = act { state, now -> SendOutcome in
            guard state.isClosed || state.board.holds(number, in: place) else { return .stored }
            guard state.board.withdraw(number, from: place, now: now) else { return .failed(failure) }
            return .failed(BrokerError(.unknown, "handed to a member, then not stored: \(failure.message)"))
        }
        if ticket != nil { store?.flush() }
        return outcome
    }

    // MARK: For the readers

    func join(_ place: GroupPlace, as boot: BootID, credit: Int) throws(BrokerError) -> (ReaderID, Doorbell) {
        try open { board, now in board.subscribe(to: place, as: boot, credit: credit, now: now) }
    }

    func open(_ inbox: InboxPlace) throws(BrokerError) -> (ReaderID, Doorbell) {
        try open { board, _ in board.openInbox(inbox) }
    }

    func watch(_ tenant: TenantID) throws(BrokerError) -> (ReaderID, Doorbell) {
        try open { board, _ in board.watch(tenant) }
    }

    /// Takes as soon as there is something; nil when the reader is closed or the task is cancelled.
    func next<Element: Sendable>(
        _ bell: Doorbell, _ take: @Sendable (inout QueueBoard, RelayTime) -> [Element]?
    ) async -> [Element]? {
        while !Task.isCancelled {
            let (taken, ticket) = act { state, now in take(&state.board, now) }
            if ticket != nil { store?.flush() }
            guard let taken else { return nil }
            if !taken.isEmpty { return taken }
            await bell.wait()
        }
        return nil
    }

    /// Settles or prolongs, and waits until what was settled is off the disk.
    func use(
        _ method: @Sendable (inout QueueBoard, RelayTime) -> [DeliveryToken]?
    ) async throws(BrokerError) -> [DeliveryToken] {
        let (fenced, ticket) = act { state, now in method(&state.board, now) }
        if let ticket { _ = await written(ticket) }
        guard let fenced else { throw Self.closed }
        return fenced
    }

    func end(_ reader: @Sendable (inout QueueBoard, RelayTime) -> Void) {
        let (_, ticket) = act { state, now in reader(&state.board, now) }
        if ticket != nil { store?.flush() }
    }

    private func open(
        _ method: (inout QueueBoard, RelayTime) -> ReaderID
    ) throws(BrokerError) -> (ReaderID, Doorbell) {
        let bell = Doorbell()
        let (reader, ticket) = act { state, now -> ReaderID? in
            guard !state.isClosed else { return nil }
            let reader = method(&state.board, now)
            state.bells[reader] = bell
            return reader
        }
        if ticket != nil { store?.flush() }
        guard let reader else { throw Self.closed }
        return (reader, bell)
    }

    // MARK: The turn

    private static let closed = BrokerError(.closed, "the queue is closed")

    private func written(_ ticket: StoreTicket) async -> [UInt64: BrokerError] {
        store?.flush()
        return await ticket.failures()
    }

    /// Decides under the lock, queues what has to be stored in the order of the decisions, then wakes whom it concerns.
    @discardableResult
    private func act<Result: Sendable>(
        _ decide: (inout State, RelayTime) -> Result
    ) -> (Result, StoreTicket?) {
        let now = clock.now
        let (result, rung, ticket) = state.withLock { state in
            let result = decide(&state, now)
            let actions = state.board.takeActions()
            var rung: [Doorbell] = []
            for reader in actions.wake {
                if let bell = state.bells[reader] { rung.append(bell) }
            }
            for reader in actions.closed {
                if let bell = state.bells.removeValue(forKey: reader) { rung.append(bell) }
            }
            if state.board.earliestDeadline < state.alarmAt {
                state.alarmAt = state.board.earliestDeadline
                rung.append(alarm)
            }
            return (result, rung, actions.stores.isEmpty ? nil : store?.enqueue(actions.stores))
        }
        for bell in rung { bell.ring() }
        return (result, ticket)
    }
}
