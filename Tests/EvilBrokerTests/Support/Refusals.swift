import BrokerCore
import RelayFormat
import RelayKeys
import RelaySealing
import Testing

extension RefusalTally {
    var total: UInt64 { reasons.values.reduce(0, +) }
}

extension EvilSite {
    /// Delivers payloads, and expects each to be refused for one of some reasons; nothing else is refused meanwhile.
    func expectRefused(
        _ payloads: [[UInt8]], at place: Place, lane: Lane = .control, by tally: RefusalTally,
        as reasons: Set<SealingError.Code>, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let before = tally.reasons
        let total = tally.total
        let outcomes = await broker.deliver(payloads, to: place, lane: lane, until: clock.clock.now + .seconds(600))
        #expect(outcomes.allSatisfy { $0 == .stored }, "\(what): \(outcomes)", sourceLocation: sourceLocation)
        try? await waitUntil("all are refused") { tally.total >= total + UInt64(payloads.count) }
        let (refused, counters) = (tally.total - total, broker.inner.queue.counters)
        #expect(
            refused == UInt64(payloads.count), "\(what): \(before) became \(tally.reasons); \(counters)",
            sourceLocation: sourceLocation)
        for (reason, count) in tally.reasons where count > before[reason, default: 0] {
            #expect(
                reasons.contains(reason), "\(what): refused as \(reason.rawValue)", sourceLocation: sourceLocation)
        }
    }
}
