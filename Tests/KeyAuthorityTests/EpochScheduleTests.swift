import Crypto
import RelayFormat
import RelaySealing
import Testing

@testable import KeyAuthority

@Suite struct EpochScheduleTests {
    private let schedule = EpochSchedule(rules: EpochRules())
    private let issuer = EpochIssuer(tenant: .random(), key: P256.Signing.PrivateKey(), rules: EpochRules())
    private let group = GroupID.random()
    private let start = RelayTime(milliseconds: 1_000_000_000)

    private func core(_ members: [EpochCandidate], at now: RelayTime) throws -> EpochCore {
        try issuer.cut(for: members, of: group, suite: .x25519, after: nil, at: now, secret: EpochSecret()).core
    }

    @Test func aGroupWithoutMembersWaits() throws {
        #expect(schedule.decide([], suite: .x25519, after: nil, at: start) == .wait(until: .never))
        let core = try core([try Someone().candidate], at: start)
        #expect(schedule.decide([], suite: .x25519, after: core, at: start + .seconds(90)) == .wait(until: .never))
    }

    @Test func theFirstMemberGetsAnEpochAtOnce() throws {
        let one = try Someone().candidate
        #expect(schedule.decide([one], suite: .x25519, after: nil, at: start) == .cut([one], .first))
    }

    @Test(arguments: ["joins", "leaves", "other HPKE key", "other identity key", "other role"])
    func aChangeIsDueAtOnceAndNotTwiceInASecond(_ what: String) throws {
        let (one, two) = (try Someone().candidate, try Someone().candidate)
        let before = try core(what == "joins" ? [one] : [one, two], at: start)
        var after = [one, two]
        switch what {
        case "leaves": after = [one]
        case "other HPKE key": after[1].hpkeKey = try Someone().candidate.hpkeKey
        case "other identity key": after[1].identityKey = try Someone().candidate.identityKey
        case "other role": after[1].role = .dispatcher
        default: break
        }
        for wait in [0, 1, 999] {
            #expect(
                schedule.decide(after, suite: .x25519, after: before, at: start + .milliseconds(wait))
                    == .wait(until: start + .seconds(1)))
        }
        guard
            case .cut(let members, .members) = schedule.decide(
                after, suite: .x25519, after: before, at: start + .seconds(1))
        else {
            Issue.record("no epoch for \(what)")
            return
        }
        #expect(Set(members.map(\.id)) == Set(after.map(\.id)))
        // In another order they are the same.
        #expect(
            schedule.decide([two, one], suite: .x25519, after: try core([one, two], at: start), at: start)
                == .wait(until: start + .seconds(12 * 3600)))
    }

    @Test func withoutAChangeItIsTheIntervalThatCounts() throws {
        let one = try Someone().candidate
        let before = try core([one], at: start)
        let end = start + .seconds(12 * 3600)
        #expect(schedule.decide([one], suite: .x25519, after: before, at: start + .seconds(5)) == .wait(until: end))
        #expect(schedule.decide([one], suite: .x25519, after: before, at: end) == .cut([one], .time))
    }

    @Test func aMemberEndsWithItsTime() throws {
        let one = try Someone().candidate
        var two = try Someone().candidate
        two.until = start + .seconds(600)
        let before = try core([one, two], at: start)
        #expect(
            schedule.decide([one, two], suite: .x25519, after: before, at: start + .seconds(5))
                == .wait(until: two.until))
        #expect(schedule.decide([one, two], suite: .x25519, after: before, at: two.until) == .cut([one], .members))
    }

    @Test func anotherSuiteOrAnotherAuthorityIsDueAtOnce() throws {
        let one = try Someone().candidate
        let before = try core([one], at: start)
        let later = start + .seconds(5)
        #expect(schedule.decide([one], suite: .xWing, after: before, at: later) == .cut([one], .suite))
        #expect(
            schedule.decide([one], suite: .x25519, after: before, isCurrentKey: false, at: later)
                == .cut([one], .authority))
    }

    @Test func aClockThatWasTurnedBackKeepsNobodyIn() throws {
        let (one, two) = (try Someone().candidate, try Someone().candidate)
        let before = try core([one, two], at: start + .seconds(3600))
        #expect(schedule.decide([one], suite: .x25519, after: before, at: start) == .cut([one], .members))
    }
}
