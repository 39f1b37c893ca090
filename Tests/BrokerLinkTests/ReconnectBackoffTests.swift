import TestTools
import Testing

@testable import BrokerLink

@Suite struct ReconnectBackoffTests {
    @Test("The wait doubles from 50 ms, and for a short outage is never longer than a second")
    func shortOutage() {
        var generator = SplitMix(seed: 1)
        var backoff = ReconnectBackoff()
        #expect(backoff.next(outage: .zero, using: &generator) <= .milliseconds(50))
        #expect(backoff.next(outage: .zero, using: &generator) <= .milliseconds(100))
        for _ in 0..<100 { #expect(backoff.next(outage: .seconds(9), using: &generator) <= .seconds(1)) }
        #expect(backoff.attempts == 102)
        backoff.reset()
        #expect(backoff.next(outage: .zero, using: &generator) <= .milliseconds(50))
    }

    @Test("After a long outage the wait spreads over a tenth of it, at most a minute")
    func longOutage() {
        var generator = SplitMix(seed: 2)
        var backoff = ReconnectBackoff()
        let waits = (0..<1000).map { _ in backoff.next(outage: .seconds(300), using: &generator) }
        #expect(waits.allSatisfy { $0 <= .seconds(30) })
        #expect(waits.contains { $0 > .seconds(20) })
        #expect(waits.contains { $0 < .seconds(5) })
        let days = (0..<1000).map { _ in backoff.next(outage: .seconds(864_000), using: &generator) }
        #expect(days.allSatisfy { $0 <= .seconds(60) })
    }

    @Test("A frozen member is tried slowly, and never so slowly that it misses its return")
    func frozen() {
        var generator = SplitMix(seed: 3)
        var backoff = ReconnectBackoff()
        let waits = (0..<1000).map { _ in backoff.nextWhileFrozen(using: &generator) }
        #expect(waits.allSatisfy { $0 >= .seconds(3) && $0 <= .seconds(6) })
        #expect(Set(waits).count > 500)
    }
}
