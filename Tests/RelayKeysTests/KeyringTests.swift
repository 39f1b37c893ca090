import BrokerCore
import RelayFormat
import RelayKeys
import RelaySealing
import SealedRelay
import Testing

@Suite("A keyring")
struct KeyringTests {
    @Test(
        "the first word begins a session, and what it carries is understood at once", arguments: SealingSuite.allCases)
    func firstWord(suite: SealingSuite) async throws {
        let stage = try KeyringStage(suite: suite)
        try await stage.meet(stage.one)
        let said = try await stage.say(stage.word(.ping, to: stage.dispatcher), by: stage.one)
        #expect(try said.map { try stage.hear($0, by: stage.dispatcher) } == [.hello, .ping])
        let answer = try await stage.say(stage.word(.welcome, to: stage.one), by: stage.dispatcher)
        #expect(try answer.map { try stage.hear($0, by: stage.one) } == [.welcome])
        #expect(try await stage.say(stage.word(.ping, to: stage.dispatcher), by: stage.one).count == 1)
    }

    @Test("a lost HELLO is said again until the session is confirmed, and another one is refused")
    func lostHello() async throws {
        var stage = try KeyringStage()
        try await stage.meet(stage.one)
        let said = try await stage.say(stage.word(.ping, to: stage.dispatcher), by: stage.one)
        #expect(stage.refusal(of: said[1], by: stage.dispatcher) == .unknownSession)
        #expect(stage.one.greetings(at: stage.now).isEmpty)
        stage.now = stage.now + .milliseconds(300)
        let again = stage.one.greetings(at: stage.now)
        #expect(again.map(\.kind) == [.hello])
        let hello = await stage.one.seal(again, at: stage.now).records[0].payload
        try stage.hear(hello, by: stage.dispatcher)
        try stage.hear(said[0], by: stage.dispatcher)
        try stage.hear(said[1], by: stage.dispatcher)
        for payload in try await stage.say(stage.word(.welcome, to: stage.one), by: stage.dispatcher) {
            try stage.hear(payload, by: stage.one)
        }
        stage.now = stage.now + .seconds(20)
        #expect(stage.one.greetings(at: stage.now).isEmpty)
        #expect(stage.one.greeting(to: stage.dispatcher.party.boot, at: stage.now)?.kind == .hello)
    }

    @Test("what is said in a session is heard once, by its other end alone")
    func replay() async throws {
        let stage = try KeyringStage()
        try await stage.meet(stage.one)
        try await stage.meet(stage.two)
        let said = try await stage.say(stage.word(.ping, to: stage.dispatcher), by: stage.one)
        for payload in said { try stage.hear(payload, by: stage.dispatcher) }
        #expect(stage.refusal(of: said[1], by: stage.dispatcher) == .replayed)
        #expect(stage.refusal(of: said[0], by: stage.dispatcher) == nil, "HELLO again changes nothing")
        let pong = try await stage.say(stage.word(.pong, to: stage.one), by: stage.dispatcher)
        #expect(stage.refusal(of: pong[0], by: stage.two) == .unknownSession)
        #expect(stage.refusal(of: said[1], by: stage.two) == .unknownSession)
        try stage.hear(pong[0], by: stage.one)
        #expect(stage.refusal(of: pong[0], by: stage.one) == .replayed)
    }

    @Test("many messages share signatures, and each is opened alone")
    func batches() async throws {
        let stage = try KeyringStage()
        let requests = try (0..<300).map { try stage.request($0) }
        let sealed = await stage.dispatcher.seal(requests, at: stage.now).records.map(\.payload)
        #expect(sealed.count == 300)
        for payload in sealed.shuffled() { try stage.hear(payload, by: stage.one, from: .group(stage.group)) }
        #expect(stage.refusal(of: sealed[0], by: stage.one, from: .group(.random())) == .foreignGroup)
    }

    @Test("a newer epoch makes a newer session; the older one is understood until its time is over")
    func nextEpoch() async throws {
        var stage = try KeyringStage()
        try await stage.meet(stage.one)
        let first = try await stage.say(stage.word(.ping, to: stage.dispatcher), by: stage.one)
        for payload in first { try stage.hear(payload, by: stage.dispatcher) }
        let late = try await stage.say(
            stage.word(.ping, to: stage.dispatcher), stage.word(.ping, to: stage.dispatcher), by: stage.one)
        stage.now = stage.now + .seconds(1)
        try stage.cut()
        try stage.install(in: stage.dispatcher)
        let ahead = try await stage.say(stage.request(), by: stage.dispatcher)
        #expect(stage.refusal(of: ahead[0], by: stage.one, from: .group(stage.group)) == .unknownEpoch)
        try stage.hear(late[0], by: stage.dispatcher)
        try stage.install(in: stage.one)
        try stage.hear(ahead[0], by: stage.one, from: .group(stage.group))
        let second = try await stage.say(stage.word(.ping, to: stage.dispatcher), by: stage.one)
        #expect(try second.map { try stage.hear($0, by: stage.dispatcher) } == [.hello, .ping])
        stage.now = stage.now + .seconds(661)
        stage.dispatcher.tidy(at: stage.now)
        #expect(stage.refusal(of: late[1], by: stage.dispatcher) == .unknownSession)
        #expect(stage.refusal(of: first[0], by: stage.dispatcher) == .expiredEpoch)
    }

    @Test("who is out of the present epoch is not heard under the one before, and opens nothing of it")
    func leaving() async throws {
        var stage = try KeyringStage()
        try await stage.meet(stage.one)
        let said = try await stage.say(stage.word(.ping, to: stage.dispatcher), by: stage.one)
        for payload in said { try stage.hear(payload, by: stage.dispatcher) }
        let further = try await stage.say(stage.word(.ping, to: stage.dispatcher), by: stage.one)
        let beat = try await stage.say(stage.beat(of: stage.group), by: stage.one)
        stage.now = stage.now + .seconds(1)
        try stage.authority.leave(stage.one.party.member, stage.group)
        try stage.install(in: stage.dispatcher)
        #expect(stage.refusal(of: further[0], by: stage.dispatcher) == .senderUnknown)
        #expect(stage.refusal(of: beat[0], by: stage.dispatcher, from: .presence) == .senderUnknown)
        #expect(throws: SealingError.self) { try stage.install(in: stage.one) }
        let request = try await stage.say(stage.request(), by: stage.dispatcher)
        #expect(stage.refusal(of: request[0], by: stage.one, from: .group(stage.group)) == .unknownEpoch)
    }

    @Test("no older epoch is taken, no other one of a number, and none that follows something else")
    func rollBack() async throws {
        var stage = try KeyringStage()
        let old = try #require(try stage.authority.manifest(of: stage.group))
        stage.now = stage.now + .seconds(1)
        try stage.cut()
        try stage.install(in: stage.one)
        #expect(throws: SealingError(.rolledBack, "the epoch is older than one seen")) {
            try stage.one.install(old, with: stage.keysOf(stage.one), at: stage.now)
        }
        let present = try #require(try stage.authority.manifest(of: stage.group))
        try stage.cut(number: present.core.number)
        #expect(throws: SealingError(.chainBroken, "two epochs have one number")) { try stage.install(in: stage.one) }
        try stage.cut(number: present.core.number + 1)
        #expect(throws: SealingError(.chainBroken, "the epoch follows another one")) {
            try stage.install(in: stage.one)
        }
        let stranger = TestKeyAuthority(tenant: stage.tenant)
        try stranger.join(stage.one.party.member, stage.keysOf(stage.one), [stage.group])
        let foreign = try #require(try stranger.manifest(of: stage.group))
        #expect(throws: SealingError.self) {
            try stage.one.install(foreign, with: stage.keysOf(stage.one), at: stage.now)
        }
        #expect(stage.one.standing(of: stage.group, at: stage.now)?.mark == present.core.mark)
    }

    @Test("beats only grow, and none is older or newer than a minute")
    func beats() async throws {
        var stage = try KeyringStage()
        var beats: [[UInt8]] = []
        for _ in 0..<3 { beats.append(try await stage.say(stage.beat(of: stage.group), by: stage.one)[0]) }
        try stage.hear(beats[1], by: stage.dispatcher, from: .presence)
        #expect(stage.refusal(of: beats[0], by: stage.dispatcher, from: .presence) == .replayed)
        #expect(stage.refusal(of: beats[1], by: stage.dispatcher, from: .presence) == .replayed)
        stage.now = stage.now + .seconds(61)
        #expect(stage.refusal(of: beats[2], by: stage.dispatcher, from: .presence) == .stale)
        let future = try await stage.say(stage.beat(of: stage.group), by: stage.one)[0]
        stage.now = RelayTime(milliseconds: stage.now.milliseconds - 62_000)
        #expect(stage.refusal(of: future, by: stage.dispatcher, from: .presence) == .stale)
    }

    @Test("a dispatcher's own beat is understood by its process alone")
    func ownBeat() async throws {
        let stage = try KeyringStage()
        let own = try await stage.say(stage.beat(of: .none), by: stage.dispatcher)[0]
        try stage.hear(own, by: stage.dispatcher, from: .presence)
        #expect(stage.refusal(of: own, by: stage.one, from: .presence) != nil)
        let sibling = Keyring(
            party: Party(
                tenant: stage.tenant, member: stage.dispatcher.party.member, boot: stage.dispatcher.party.boot,
                role: .dispatcher), authority: stage.authority.publicKey)
        #expect(stage.refusal(of: own, by: sibling, from: .presence) == .commitment)
    }

    @Test("from its end on an epoch seals nothing and opens nothing")
    func end() async throws {
        var stage = try KeyringStage()
        let request = try await stage.say(stage.request(), by: stage.dispatcher)[0]
        stage.now = stage.now + .seconds(86_401)
        await #expect(throws: SealingError.self) { try await stage.say(stage.request(), by: stage.dispatcher) }
        #expect(stage.refusal(of: request, by: stage.one, from: .group(stage.group)) == .expiredEpoch)
        #expect(stage.one.standing(of: stage.group, at: stage.now) == nil)
    }
}
