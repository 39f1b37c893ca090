import BrokerCore
import Connector
import RelayFormat
import Testing

@Suite("The tenant's time on a connector's machine")
struct TenantClockTests {
    /// The distance of two moments, whichever is first.
    private func distance(_ left: RelayTime, _ right: RelayTime) -> Duration {
        left > right ? left - right : right - left
    }

    @Test("a local clock that is five minutes off shifts no deadline", arguments: [-300, 300])
    func fiveMinutes(seconds: Int) {
        let clock = TenantClock()
        let tenantNow = RelayClock.system.now + .seconds(seconds)
        let answered = ContinuousClock.now
        clock.learn(tenantTime: tenantNow, asked: answered - .milliseconds(20), answered: answered)
        #expect(distance(clock.clock.now, tenantNow) < .seconds(2))
        #expect(abs(clock.localDrift / .seconds(1) + Double(seconds)) < 2)
        // A deadline that the tenant set ten seconds ahead is ten seconds ahead here, too.
        let deadline = tenantNow + .seconds(10)
        let left = deadline - clock.clock.now
        #expect(left > .seconds(8) && left < .milliseconds(10_050))
    }

    @Test("until the tenant has been heard, the local clock is taken")
    func local() {
        let clock = TenantClock()
        #expect(distance(clock.clock.now, RelayClock.system.now) < .seconds(1))
        #expect(abs(clock.localDrift / .seconds(1)) < 1)
    }

    @Test("an uncertain reading does not replace a certain one")
    func certainty() {
        let clock = TenantClock()
        let truth = RelayClock.system.now + .seconds(300)
        let asked = ContinuousClock.now
        clock.learn(tenantTime: truth, asked: asked, answered: asked + .milliseconds(10))
        // A broker that holds a record back for a minute cannot turn the clock by it.
        clock.learn(
            tenantTime: truth + .seconds(-3000), asked: asked, answered: asked + .seconds(60))
        #expect(distance(clock.clock.now, truth) < .seconds(2))
    }

    @Test("a more certain reading replaces an uncertain one")
    func better() {
        let clock = TenantClock()
        let asked = ContinuousClock.now
        let truth = RelayClock.system.now + .seconds(120)
        clock.learn(tenantTime: truth + .seconds(20), asked: asked, answered: asked + .seconds(2))
        clock.learn(tenantTime: truth, asked: asked, answered: asked + .milliseconds(10))
        #expect(distance(clock.clock.now, truth) < .seconds(2))
    }

    @Test("after ten minutes even a less certain reading is better than an old one")
    func aging() {
        let clock = TenantClock()
        let asked = ContinuousClock.now
        let truth = RelayClock.system.now
        clock.learn(tenantTime: truth, asked: asked + .seconds(-900), answered: asked + .milliseconds(-899_990))
        clock.learn(tenantTime: truth + .seconds(50), asked: asked + .milliseconds(-200), answered: asked)
        #expect(distance(clock.clock.now, truth + .seconds(50)) < .seconds(2))
    }

    @Test("a reading that contradicts the order of time is ignored")
    func impossible() {
        let clock = TenantClock()
        let asked = ContinuousClock.now
        clock.learn(tenantTime: RelayClock.system.now + .seconds(500), asked: asked, answered: asked + .seconds(-5))
        #expect(distance(clock.clock.now, RelayClock.system.now) < .seconds(2))
    }
}
