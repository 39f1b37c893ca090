internal import BrokerCore

/// The sends that wait for the cluster's word; changed under its owner's lock.
///
/// A record on its way carries a number that leads back to its send and its place in it.
struct SendTickets: ~Copyable {
    /// A send that is over, and awaited.
    typealias Ready = (continuation: CheckedContinuation<[SendOutcome], Never>, outcomes: [SendOutcome])

    private struct Ticket {
        var outcomes: [SendOutcome]
        var outstanding: Int
        var batch = 0
        var continuation: CheckedContinuation<[SendOutcome], Never>?
    }

    // Slot 0 is not used, so that no number is zero.
    private var tickets: [Ticket?] = [nil]
    private var free: [Int] = []

    /// Begins a send of so many records.
    mutating func open(_ count: Int) -> Int {
        let lost = SendOutcome.failed(BrokerError(.unknown, "the cluster has not answered"))
        let ticket = Ticket(outcomes: Array(repeating: lost, count: count), outstanding: count)
        if let slot = free.popLast() {
            tickets[slot] = ticket
            return slot
        }
        tickets.append(ticket)
        return tickets.count - 1
    }

    /// Notes with which batch a send goes.
    mutating func board(_ slot: Int, batch: Int) { tickets[slot]?.batch = batch }

    /// The number that goes with a record.
    static func number(_ slot: Int, _ index: Int) -> UInt { UInt(slot) << 24 | UInt(index) }

    /// Takes note of what became of a record; the batch of its send, and the send when that was the rest of it.
    mutating func settle(_ number: UInt, _ outcome: SendOutcome) -> (batch: Int, ready: Ready?)? {
        let (slot, index) = (Int(number >> 24), Int(number & 0xff_ffff))
        guard slot < tickets.count, let batch = tickets[slot]?.batch else { return nil }
        tickets[slot]?.outcomes[index] = outcome
        tickets[slot]?.outstanding -= 1
        guard let ticket = tickets[slot], ticket.outstanding == 0, let continuation = ticket.continuation else {
            return (batch, nil)
        }
        close(slot)
        return (batch, (continuation, ticket.outcomes))
    }

    /// Waits for the rest of a send; its outcomes at once when there is no rest.
    mutating func await(
        _ slot: Int, _ continuation: CheckedContinuation<[SendOutcome], Never>
    ) -> [SendOutcome]? {
        guard let ticket = tickets[slot], ticket.outstanding == 0 else {
            tickets[slot]?.continuation = continuation
            return nil
        }
        close(slot)
        return ticket.outcomes
    }

    /// Gives up all that is on its way.
    mutating func drain() -> [Ready] {
        defer { (tickets, free) = ([nil], []) }
        return tickets.compactMap { ticket in
            guard let ticket, let continuation = ticket.continuation else { return nil }
            return (continuation, ticket.outcomes)
        }
    }

    private mutating func close(_ slot: Int) {
        tickets[slot] = nil
        free.append(slot)
    }
}
