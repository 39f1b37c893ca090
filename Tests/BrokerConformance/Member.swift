internal import BrokerCore

/// A subscription that counts: it fails as soon as more is outstanding than its credit.
final class Member {
    let subscription: any GroupSubscription
    private let credit: Int
    private var waiting: [Delivery] = []
    private var outstanding: Set<DeliveryToken> = []
    private(set) var revoked: [DeliveryToken] = []

    init(_ subscription: any GroupSubscription, credit: Int) {
        self.subscription = subscription
        self.credit = credit
    }

    /// Waits until so many deliveries are there, and takes them.
    func take(_ count: Int) async throws -> [Delivery] {
        while waiting.count < count { try await advance() }
        defer { waiting.removeFirst(count) }
        return Array(waiting.prefix(count))
    }

    func takeOne() async throws -> Delivery { try await take(1)[0] }

    /// Waits until a lease is revoked.
    func takeRevoked() async throws -> [DeliveryToken] {
        while revoked.isEmpty { try await advance() }
        defer { revoked = [] }
        return revoked
    }

    /// Completes deliveries and gives back what was fenced.
    func complete(_ deliveries: [Delivery]) async throws -> [DeliveryToken] {
        outstanding.subtract(deliveries.map(\.token))
        return try await subscription.complete(deliveries.map(\.token))
    }

    private func advance() async throws {
        guard let events = await subscription.next() else {
            throw ConformanceFailure("the subscription ended, \(waiting.count) deliveries waiting")
        }
        for event in events {
            switch event {
            case .delivered(let deliveries):
                waiting.append(contentsOf: deliveries)
                outstanding.formUnion(deliveries.map(\.token))
            case .revoked(let tokens):
                revoked.append(contentsOf: tokens)
                outstanding.subtract(tokens)
            }
        }
        try expect(outstanding.count <= credit, "\(outstanding.count) deliveries outstanding with credit \(credit)")
    }
}
