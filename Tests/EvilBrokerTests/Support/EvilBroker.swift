import BrokerCore
import RelayFormat
import Synchronization

/// A broker in the hands of somebody who keeps all that passes, holds back what he likes, and delivers what he likes.
///
/// Over a broker with a disk he has everything written to it, since that is what he would be asked for.
final class EvilBroker: Broker {
    /// What he holds back.
    typealias Choice = @Sendable (_ record: OutgoingRecord, _ header: RelayHeader) -> Bool

    private struct State {
        var stored: [OutgoingRecord] = []
        var held: [OutgoingRecord] = []
        var choice: Choice?
        var isKeeping = true
    }

    let inner: any EmbeddedBroker
    private let state = Mutex(State())

    init(over inner: any EmbeddedBroker) {
        self.inner = inner
    }

    var capabilities: BrokerCapabilities { inner.capabilities }

    func provision(_ group: GroupPlace) async throws(BrokerError) { try await inner.provision(group) }

    func send(_ records: [OutgoingRecord]) async -> [SendOutcome] {
        let passes = state.withLock { state in
            records.map { record in
                if state.isKeeping { state.stored.append(record) }
                guard let choice = state.choice, let header = record.header, choice(record, header) else { return true }
                state.held.append(record)
                return false
            }
        }
        let passing = zip(records, passes).compactMap { $1 ? onDisk($0) : nil }
        var outcomes = (passing.isEmpty ? [] : await inner.send(passing))[...]
        return passes.map { $0 ? outcomes.popFirst() ?? .stored : .stored }
    }

    func subscribe(
        to group: GroupPlace, as member: BootID, credit: Int
    ) async throws(BrokerError) -> any GroupSubscription {
        try await inner.subscribe(to: group, as: member, credit: credit)
    }

    func openInbox(_ inbox: InboxPlace) async throws(BrokerError) -> any Inbox { try await inner.openInbox(inbox) }

    func watchPresence(of tenant: TenantID) async throws(BrokerError) -> any PresenceWatch {
        try await inner.watchPresence(of: tenant)
    }

    func close() async { await inner.close() }

    // MARK: What he does

    /// All that passed, in its order.
    var stored: [OutgoingRecord] { state.withLock { $0.stored } }

    /// All of a kind that passed.
    func stored(_ kind: MessageKind) -> [OutgoingRecord] { stored.filter { $0.header?.kind == kind } }

    /// What is held back.
    var held: [OutgoingRecord] { state.withLock { $0.held } }

    /// Keeps nothing any more, for tests that last.
    func stopKeeping() { state.withLock { $0.isKeeping = false } }

    /// Holds back what is chosen, from now on.
    func hold(_ choice: @escaping Choice) { state.withLock { $0.choice = choice } }

    /// Lets everything pass, and what was held back in the given order.
    func release(_ order: ([OutgoingRecord]) -> [OutgoingRecord] = { $0 }) async {
        let held = state.withLock { state in
            defer { (state.held, state.choice) = ([], nil) }
            return state.held
        }
        _ = await inner.send(order(held).map(onDisk))
    }

    /// Delivers what is held back by now in the given order, and goes on holding.
    func pass(_ order: ([OutgoingRecord]) -> [OutgoingRecord]) async {
        let held = state.withLock { state in
            defer { state.held = [] }
            return state.held
        }
        _ = await inner.send(order(held).map(onDisk))
    }

    /// Delivers something of his own to a place.
    func deliver(_ payloads: [[UInt8]], to place: Place, lane: Lane = .control, until end: RelayTime) async
        -> [SendOutcome]
    {
        await inner.send(
            payloads.map { onDisk(OutgoingRecord(to: place, payload: $0, expiresAt: end, lane: lane)) })
    }

    private func onDisk(_ record: OutgoingRecord) -> OutgoingRecord {
        var record = record
        record.durability = inner.capabilities.durability
        return record
    }
}

extension OutgoingRecord {
    /// What a broker can read of it.
    var header: RelayHeader? { try? Envelope(decoding: payload).header }
}
