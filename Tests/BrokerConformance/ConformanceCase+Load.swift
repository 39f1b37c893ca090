internal import BrokerCore
internal import RelayFormat
internal import Synchronization

extension ConformanceCase {
    static let load = [
        ConformanceCase("many senders and members at once: every record exactly once when nothing fails") { stage in
            let senders = 8
            let each = 400
            var subscriptions: [any GroupSubscription] = []
            for _ in 0..<4 {
                let client = try await stage.connect(.connector)
                subscriptions.append(
                    try await client.broker.subscribe(to: stage.groupPlace, as: client.party.boot, credit: 16))
            }
            let all = subscriptions
            let tally = Tally(stage)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for subscription in all {
                    group.addTask {
                        while let events = await subscription.next() {
                            for case .delivered(let deliveries) in events {
                                let fenced = try await subscription.complete(deliveries.map(\.token))
                                if stage.site.abilities.contains(.settlesMeanwhile) {
                                    try expectEqual(fenced, [], "fenced")
                                }
                                guard tally.add(deliveries) == senders * each else { continue }
                                for other in all { await other.close() }
                            }
                        }
                    }
                }
                for name in 0..<senders {
                    let sender = try await stage.connect(.dispatcher)
                    group.addTask {
                        for start in stride(from: 0, to: each, by: 10) {
                            try await sender.work((start..<start + 10).map { "\(name)/\($0)" })
                        }
                    }
                }
                try await group.waitForAll()
            }
            try tally.expectOnce(senders * each)
        }
    ]
}

/// Counts deliveries by their text over all members.
private final class Tally: Sendable {
    private let stage: ConformanceStage
    private let state = Mutex<(all: [Delivery], different: Set<[UInt8]>)>(([], []))

    init(_ stage: ConformanceStage) { self.stage = stage }

    /// Adds deliveries; the number of different ones so far.
    func add(_ new: [Delivery]) -> Int {
        state.withLock { state in
            state.all += new
            state.different.formUnion(new.map(\.payload))
            return state.different.count
        }
    }

    func expectOnce(_ number: Int) throws {
        let state = state.withLock { $0 }
        try expectEqual(state.different.count, number, "different records")
        try expectEqual(stage.first(of: state.all).count, number, "records")
    }
}
