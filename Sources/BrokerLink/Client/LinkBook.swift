internal import BrokerCore
internal import NIOCore

/// What a client is waiting for and has open: a value, changed under its owner's lock.
///
/// What has to happen outside the lock comes back as effects.
struct LinkBook: ~Copyable {
    typealias Effect = () -> Void

    enum Phase {
        /// No connection; to restoring or over.
        case down
        /// Let in, and opening again what was open; to ready, down or over.
        case restoring(LinkOutbox<ClientMessage>, awaiting: Set<UInt32>)
        /// All is open; to down or over.
        case ready(LinkOutbox<ClientMessage>)
        /// Closed or fatally refused; final.
        case over(BrokerError)
    }

    struct Opening {
        var message: ClientMessage
        var resource: LinkResource
        /// Waits for the first opening.
        var continuation: CheckedContinuation<BrokerError?, Never>?
    }

    struct Ticket {
        var continuation: CheckedContinuation<[SendOutcome], Never>
        var outcomes: [SendOutcome]
        var outstanding: Int
    }

    enum Pending {
        case batch(ticket: UInt32, range: Range<Int>)
        case settlement(CheckedContinuation<Result<[DeliveryToken], BrokerError>, Never>)
    }

    struct Waiting {
        var id: UInt32
        var records: [OutgoingRecord]
        var continuation: CheckedContinuation<[SendOutcome], Never>
        var deadline: Scheduled<Void>
    }

    private(set) var phase = Phase.down
    private var lastID: UInt32 = 0
    private(set) var openings: [UInt32: Opening] = [:]
    private var pending: [UInt32: Pending] = [:]
    private var tickets: [UInt32: Ticket] = [:]
    private var waiting: [Waiting] = []
    private(set) var waitingRecords = 0

    var outbox: LinkOutbox<ClientMessage>? {
        switch phase {
        case .down, .over: nil
        case .restoring(let outbox, _), .ready(let outbox): outbox
        }
    }

    mutating func freshID() -> UInt32 {
        repeat { lastID &+= 1 } while pending[lastID] != nil || openings[lastID] != nil || tickets[lastID] != nil
        return lastID
    }

    // What the application asks for.

    /// About what one message of records costs; as many are written as the link takes.
    private static let sendCost = 64 << 10

    mutating func launch(
        _ records: [OutgoingRecord], over outbox: LinkOutbox<ClientMessage>,
        _ continuation: CheckedContinuation<[SendOutcome], Never>
    ) {
        let ticket = freshID()
        let lost = SendOutcome.failed(BrokerError(.unknown, "the link broke before the broker's answer"))
        tickets[ticket] = Ticket(
            continuation: continuation, outcomes: Array(repeating: lost, count: records.count), outstanding: 0)
        var start = 0
        for chunk in records.chunks(upTo: Self.sendCost, ofCost: { $0.payload.count + OutgoingRecord.overhead }) {
            let batch = freshID()
            pending[batch] = .batch(ticket: ticket, range: start..<start + chunk.count)
            tickets[ticket]?.outstanding += 1
            start += chunk.count
            outbox.put(.send(batch: batch, records: chunk))
        }
    }

    mutating func wait(_ send: Waiting) {
        waiting.append(send)
        waitingRecords += send.records.count
    }

    /// Gives up a send that has waited long enough.
    mutating func expire(_ id: UInt32) -> Waiting? {
        guard let index = waiting.firstIndex(where: { $0.id == id }) else { return nil }
        waitingRecords -= waiting[index].records.count
        return waiting.remove(at: index)
    }

    mutating func open(_ id: UInt32, _ opening: Opening) {
        openings[id] = opening
        outbox?.put(opening.message)
    }

    mutating func settle(
        _ request: UInt32, _ message: ClientMessage, over outbox: LinkOutbox<ClientMessage>,
        _ continuation: CheckedContinuation<Result<[DeliveryToken], BrokerError>, Never>
    ) {
        pending[request] = .settlement(continuation)
        outbox.put(message)
    }

    mutating func close(_ id: UInt32) -> Opening? {
        guard let opening = openings.removeValue(forKey: id) else { return nil }
        outbox?.put(.close(id: id))
        finishRestoring(id)
        return opening
    }

    /// Removes an opening whose first answer is overdue.
    mutating func giveUpOpening(_ id: UInt32) -> Opening? {
        openings[id]?.continuation == nil ? nil : close(id)
    }

    // What the connection brings.

    /// The server let the client in: opens again what was open; true when there is nothing to wait for.
    mutating func restore(over outbox: LinkOutbox<ClientMessage>) -> Bool {
        guard case .down = phase else { return false }
        let order = openings.sorted { ($0.value.resource.rank, $0.key) < ($1.value.resource.rank, $1.key) }
        outbox.put(order.map(\.value.message))
        phase = .restoring(outbox, awaiting: Set(order.map(\.key)))
        return finishRestoring(nil)
    }

    mutating func opened(_ id: UInt32) -> (continuation: CheckedContinuation<BrokerError?, Never>?, isReady: Bool) {
        let continuation = openings[id]?.continuation
        openings[id]?.continuation = nil
        if case .provision? = openings[id]?.resource { openings[id] = nil }
        return (continuation, finishRestoring(id))
    }

    /// What was asked for under a number failed.
    mutating func failed(_ id: UInt32, _ error: BrokerError) -> (effect: Effect?, isReady: Bool) {
        if case .settlement(let continuation)? = pending.removeValue(forKey: id) {
            return ({ continuation.resume(returning: .failure(error)) }, false)
        }
        guard let opening = openings.removeValue(forKey: id) else { return (nil, false) }
        let effect: Effect
        if let continuation = opening.continuation {
            effect = { continuation.resume(returning: error) }
        } else {
            effect = { opening.resource.end() }
        }
        return (effect, finishRestoring(id))
    }

    mutating func ended(_ id: UInt32) -> LinkResource? {
        defer { finishRestoring(id) }
        return openings.removeValue(forKey: id)?.resource
    }

    /// Fills in what became of a batch; nil when the server's answer does not fit what was sent.
    mutating func sent(_ batch: UInt32, _ outcomes: [SendOutcome]) -> Effect? {
        guard case .batch(let ticket, let range)? = pending.removeValue(forKey: batch), range.count == outcomes.count,
            tickets[ticket] != nil
        else { return nil }
        tickets[ticket]?.outcomes.replaceSubrange(range, with: outcomes)
        tickets[ticket]?.outstanding -= 1
        guard let done = tickets[ticket], done.outstanding == 0 else { return {} }
        tickets[ticket] = nil
        return { done.continuation.resume(returning: done.outcomes) }
    }

    mutating func settled(_ request: UInt32, _ fenced: [DeliveryToken]) -> Effect? {
        guard case .settlement(let continuation)? = pending.removeValue(forKey: request) else { return nil }
        return { continuation.resume(returning: .success(fenced)) }
    }

    /// The connection is gone.
    mutating func cut() -> [Effect] {
        if case .over = phase { return [] }
        phase = .down
        return dropConnection() + openings.values.map { opening in { opening.resource.cut() } }
    }

    /// Nothing will ever be sent again.
    mutating func finish(_ error: BrokerError) -> [Effect] {
        if case .over = phase { return [] }
        phase = .over(error)
        var effects = dropConnection()
        for send in waiting {
            send.deadline.cancel()
            effects.append {
                send.continuation.resume(returning: send.records.map { _ in .failed(error) })
            }
        }
        waiting = []
        waitingRecords = 0
        for opening in openings.values {
            effects.append {
                opening.resource.end()
                opening.continuation?.resume(returning: error)
            }
        }
        openings = [:]
        return effects
    }

    private mutating func dropConnection() -> [Effect] {
        var effects: [Effect] = []
        for ticket in tickets.values {
            effects.append { ticket.continuation.resume(returning: ticket.outcomes) }
        }
        for case .settlement(let continuation) in pending.values {
            effects.append {
                continuation.resume(returning: .failure(BrokerError(.unknown, "the link broke before the answer")))
            }
        }
        tickets = [:]
        pending = [:]
        return effects
    }

    /// Becomes ready when nothing is left to wait for, and sends what has waited; true when that has just happened.
    @discardableResult
    private mutating func finishRestoring(_ id: UInt32?) -> Bool {
        guard case .restoring(let outbox, var awaiting) = phase else { return false }
        if let id { awaiting.remove(id) }
        guard awaiting.isEmpty else {
            phase = .restoring(outbox, awaiting: awaiting)
            return false
        }
        phase = .ready(outbox)
        for send in waiting.take() {
            send.deadline.cancel()
            launch(send.records, over: outbox, send.continuation)
        }
        waitingRecords = 0
        return true
    }
}
