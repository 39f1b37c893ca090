import BrokerCore
import Connector
import Dispatcher
import RelayFormat
import RelayKeys
import RelaySealing
import Testing

/// A message that has been taken from its way, and who waits for it.
struct Captured {
    let record: OutgoingRecord
    let header: RelayHeader
    /// Counts what its receiver refuses.
    let tally: RefusalTally
    let place: PlaceKind

    /// The messages of its length that passed before, of its kind and of others.
    func strangers(_ broker: EvilBroker) -> [[UInt8]] {
        var seen: [MessageKind: Int] = [:]
        return broker.stored.reversed().compactMap { stored in
            guard let header = stored.header, stored.payload != record.payload else { return nil }
            seen[header.kind, default: 0] += 1
            return seen[header.kind, default: 0] <= 3 ? stored.payload : nil
        }
    }
}

extension EvilTenant {
    /// The kinds whose true messages are all held back while a request waits, and what each of them carries.
    static let kinds: [MessageKind] = [.request, .hello, .claim, .grant, .response, .beat, .invite, .receipt]

    /// Takes the first message of a kind from its way, from the start of a connector on, while a request that must not run
    /// twice is on its way; lets the attack be made, then lets the true messages go and expects the true answer.
    ///
    /// - Parameter size: that of the request's body, and of its answer's.
    func whileHeld(
        _ kind: MessageKind, size: Int = 20, _ attack: (Captured) async throws -> Void
    ) async throws {
        let connector = try connector("taker-of-\(kind)-\(size)")
        let (boot, dispatcherInbox) = (connector.identity.boot, dispatcherInbox)
        site.broker.hold { record, header in
            // Before the HELLO is there, nothing that is said in its session can be understood.
            header.kind == kind && (header.boot == boot || header.kind.sealing.isOfDispatcher)
                || kind == .hello && header.boot == boot && record.place == dispatcherInbox
        }
        let body = [UInt8](repeating: UInt8(size % 251), count: size)
        let target = "/\(kind)/\(size)"
        let tenant = self
        let call = WatchedCall { await tenant.call(target, class: .once, body: body) }
        connector.start()
        let site = site
        let find: @Sendable () -> OutgoingRecord? = {
            site.broker.held.first { record in
                // Of this connector, not of one before it.
                guard let header = record.header, header.kind == kind else { return false }
                return kind == .request || header.boot == boot || record.place == connector.inbox
            }
        }
        try await waitUntil("a \(kind) is on its way") { find() != nil }
        let record = try #require(find())
        let header = try #require(record.header)
        let place: PlaceKind =
            switch record.place {
            case .group: .group
            case .inbox: .inbox
            case .presence: .presence
            }
        let isForConnector = header.kind.sealing.isOfDispatcher
        try await attack(
            Captured(
                record: record, header: header, tally: isForConnector ? connector.refusals : refusals, place: place))
        switch kind {
        case .request, .hello, .claim, .grant:
            #expect(connector.service.executed.isEmpty, "something ran that was not granted: \(kind)")
            #expect(!call.isOver)
        case .response:
            #expect(connector.service.executed.count == 1)
            #expect(!call.isOver, "an altered answer was delivered")
        default: break
        }
        await site.broker.release()
        let result = await call.result
        #expect(result.body == body, "\(kind): \(result.outcome)")
        #expect(connector.service.executed == [target])
        try await site.waitUntilSettled()
        await connector.kill()
    }
}

extension SealedKind {
    /// Whether a dispatcher says such things.
    var isOfDispatcher: Bool { self == .group(.dispatcher) || self == .session(.dispatcher) }
}
