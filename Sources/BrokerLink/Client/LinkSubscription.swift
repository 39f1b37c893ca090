internal import BrokerCore
internal import Synchronization

/// A member's place in a group at the far end of a link.
final class LinkSubscription: GroupSubscription {
    private let id: UInt32
    private let client: LinkClient
    private let events = Mailbox<GroupEvent>()
    /// What was delivered and neither settled nor revoked.
    private let held = Mutex(Set<DeliveryToken>())

    init(id: UInt32, client: LinkClient) {
        self.id = id
        self.client = client
    }

    func next() async -> [GroupEvent]? { await events.take() }

    func complete(_ tokens: [DeliveryToken]) async throws(BrokerError) -> [DeliveryToken] {
        held.withLock { $0.subtract(tokens) }
        return try await client.settle(tokens, of: id) { .complete(request: $0, subscription: $1, tokens: $2) }
    }

    func extend(_ tokens: [DeliveryToken]) async throws(BrokerError) -> [DeliveryToken] {
        let fenced = try await client.settle(tokens, of: id) { .extend(request: $0, subscription: $1, tokens: $2) }
        if !fenced.isEmpty { held.withLock { $0.subtract(fenced) } }
        return fenced
    }

    func close() async { client.close(id) }

    func take(_ deliveries: [Delivery]) {
        held.withLock { $0.formUnion(deliveries.lazy.map(\.token)) }
        events.put(CollectionOfOne(.delivered(deliveries)))
    }

    func take(revoked tokens: [DeliveryToken]) {
        held.withLock { $0.subtract(tokens) }
        events.put(CollectionOfOne(.revoked(tokens)))
    }

    /// With the connection all leases are gone.
    func cut() {
        let tokens = held.withLock { held in
            defer { held = [] }
            return Array(held)
        }
        if !tokens.isEmpty { events.put(CollectionOfOne(.revoked(tokens))) }
    }

    func end() { events.close() }
}
