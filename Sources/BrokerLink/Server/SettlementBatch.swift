internal import BrokerCore

/// The settlements that wait on a link, gathered by subscription.
struct SettlementBatch {
    private(set) var requests: [UInt32: [(request: UInt32, tokens: [DeliveryToken])]] = [:]

    mutating func add(_ request: UInt32, _ subscription: UInt32, _ tokens: [DeliveryToken]) {
        requests[subscription, default: []].append((request, tokens))
    }
}
