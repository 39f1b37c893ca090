import EnrollmentProtocol
import Foundation
import Testing

@Suite("The renewal of a certificate, as the machine sees it")
struct RenewalMachineTests {
    private typealias Machine = RenewalMachine

    private static let start = Date(timeIntervalSince1970: 1_000_000)
    private static let day: TimeInterval = 86_400

    private static func at(_ hours: Double) -> Date { start.addingTimeInterval(hours * 3600) }

    private static func terms(from hours: Double = 0) -> RenewalMachine.Terms {
        .init(renewAt: at(hours + 16), notAfter: at(hours + 24))
    }

    /// Carries out all that is due, as a tenant that always answers would have it.
    private func finish(_ machine: inout RenewalMachine, at hours: Double) -> [RenewalMachine.Step] {
        var steps: [RenewalMachine.Step] = []
        for _ in 0..<10 {
            let step = machine.step(at: Self.at(hours))
            steps.append(step)
            switch step {
            case .wait: return steps
            case .makeKey: machine.keyMade()
            case .ask: machine.answered(Self.terms(from: hours))
            case .use: machine.used()
            case .confirm: machine.confirmed()
            case .promote: machine.promoted()
            case .discard: machine.discarded()
            }
        }
        return steps
    }

    @Test("nothing is due before the time to renew, and then every step in its order")
    func inOrder() {
        var machine = Machine(present: Self.terms())
        #expect(machine.step(at: Self.at(15)) == .wait(until: Self.at(16)))
        #expect(
            finish(&machine, at: 16) == [
                .makeKey, .ask(.certificate), .use, .confirm, .promote, .wait(until: Self.at(32)),
            ])
        #expect(machine.present == Self.terms(from: 16))
    }

    @Test("a year of days needs nobody")
    func aYear() {
        var machine = Machine(present: Self.terms())
        var hours = 0.0
        var renewals = 0
        while hours < 365 * 24 {
            guard case .wait(let until?) = finish(&machine, at: hours).last else {
                Issue.record("stuck at hour \(hours)")
                return
            }
            hours = until.timeIntervalSince(Self.start) / 3600
            renewals += 1
            #expect(!machine.hasEnded(at: until))
        }
        #expect(renewals > 500)
    }

    @Test("wherever a kill stops it, it goes on with the key that is pending and makes no other")
    func afterAKill() {
        let cases: [(RenewalMachine.Phase, [RenewalMachine.Step])] = [
            (.pending, [.ask(.certificate), .use, .confirm, .promote]),
            (.answered, [.use, .confirm, .promote]),
            (.used, [.confirm, .promote]),
            (.confirmed, [.promote]),
        ]
        for (phase, expected) in cases {
            var machine = Machine(
                present: Self.terms(), phase: phase, renewed: phase == .pending ? nil : Self.terms(from: 10))
            #expect(finish(&machine, at: 10).dropLast() == expected[...], "\(phase)")
            #expect(machine.phase == .idle)
        }
    }

    @Test("failures are tried again more and more slowly, a quarter of an hour apart at most, and never past the end")
    func backoff() {
        var machine = Machine(present: Self.terms())
        var now = Self.at(16)
        _ = machine.step(at: now)
        machine.keyMade()
        var longest: TimeInterval = 0
        while now < Self.at(24) {
            #expect(machine.step(at: now) == .ask(.certificate))
            machine.failed(.unreachable, at: now, jitter: 1)
            guard let next = machine.nextTry else { break }
            let pause = next.timeIntervalSince(now)
            longest = max(longest, pause)
            #expect(pause > 0 && pause <= max(1, Self.at(24).timeIntervalSince(now) / 10) + 0.001)
            #expect(machine.step(at: now) == .wait(until: next))
            now = next
        }
        #expect(longest == Machine.longestPause)
        #expect(machine.step(at: now) == .ask(.assertion))
        #expect(machine.halt == nil)
    }

    @Test("after the end it asks by assertion for 30 days, and gives up when it is refused later")
    func recovery() {
        var machine = Machine(present: Self.terms())
        #expect(machine.step(at: Self.at(24 * 20)) == .makeKey)
        machine.keyMade()
        #expect(machine.step(at: Self.at(24 * 20)) == .ask(.assertion))
        machine.failed(.refused, at: Self.at(24 * 20), jitter: 0)
        #expect(machine.halt == nil)
        let late = machine.recoveryEnds.addingTimeInterval(1)
        #expect(machine.step(at: late) == .ask(.assertion))
        machine.failed(.unreachable, at: late, jitter: 0)
        #expect(machine.halt == nil, "that nobody answered proves nothing")
        machine.failed(.refused, at: late, jitter: 0)
        #expect(machine.halt == .tooLate)
        #expect(machine.step(at: late) == .wait(until: nil))
    }

    @Test("a tenant that recovers for a shorter time is believed")
    func shortRecovery() {
        let terms = Self.terms()
        let short = Machine.Terms(renewAt: terms.renewAt, notAfter: terms.notAfter, recovery: 86_400)
        var machine = Machine(present: short)
        machine.keyMade()
        #expect(machine.recoveryEnds == terms.notAfter.addingTimeInterval(86_400))
        machine.failed(.refused, at: machine.recoveryEnds, jitter: 0)
        #expect(machine.halt == .tooLate)
    }

    @Test("the tenant's word that the certificate has ended counts more than the clock here")
    func wrongClock() {
        var machine = Machine(present: Self.terms(), phase: .pending)
        #expect(machine.step(at: Self.at(20)) == .ask(.certificate))
        machine.failed(.ended, at: Self.at(20), jitter: 0)
        #expect(machine.step(at: Self.at(20)) == .ask(.assertion))
    }

    @Test("an answer that came before a long silence counts, and the next key is asked for by its assertion")
    func endedBeforeUse() {
        var machine = Machine(present: Self.terms(), phase: .answered, renewed: Self.terms(from: 10))
        #expect(machine.step(at: Self.at(100)) == .confirm)
        machine.confirmed()
        #expect(machine.step(at: Self.at(100)) == .promote)
        machine.promoted()
        #expect(machine.step(at: Self.at(100)) == .makeKey)
        machine.keyMade()
        #expect(machine.step(at: Self.at(100)) == .ask(.assertion))
    }

    @Test("a tenant that was restored from a backup, and has forgotten the answer, is asked again with the same key")
    func forgotten() {
        var machine = Machine(present: Self.terms(), phase: .answered, renewed: Self.terms(from: 10))
        #expect(machine.step(at: Self.at(10)) == .use)
        machine.failed(.unknown, at: Self.at(10), jitter: 0)
        #expect(machine.step(at: Self.at(10)) == .discard)
        machine.discarded()
        #expect(machine.step(at: Self.at(10)) == .ask(.certificate))
    }

    @Test("a frozen connector tries on slowly; a revoked or superseded one stops")
    func refusals() {
        var machine = Machine(present: Self.terms(), phase: .pending)
        machine.failed(.frozen, at: Self.at(10), jitter: 0)
        #expect(machine.nextTry == Self.at(10).addingTimeInterval(Machine.frozenPause))
        #expect(machine.halt == nil)
        for (failure, halt) in [(Machine.Failure.revoked, Machine.Halt.revoked), (.superseded, .superseded)] {
            var other = machine
            other.failed(failure, at: Self.at(11), jitter: 0)
            #expect(other.halt == halt)
            #expect(other.step(at: Self.at(12)) == .wait(until: nil))
        }
    }

    @Test("an order to renew is carried out at once, and is one attempt alone")
    func urged() {
        var machine = Machine(present: Self.terms())
        machine.urge()
        #expect(machine.step(at: Self.at(1)) == .makeKey)
        machine.keyMade()
        #expect(machine.step(at: Self.at(1)) == .ask(.certificate))
        machine.failed(.unreachable, at: Self.at(1), jitter: 1)
        guard case .wait = machine.step(at: Self.at(1)) else {
            Issue.record("it would try without a pause")
            return
        }
        machine.urge()
        #expect(machine.step(at: Self.at(1)) == .ask(.certificate))
    }
}
