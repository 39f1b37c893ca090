import BrokerCore
import ForwardProxy
import NIOSSL
import RelayFormat
import TestCertificates
import Testing

@testable import BrokerLink

@Suite(.timeLimit(.minutes(1))) struct LinkClientTests {
    @Test("After a cut everything is open again, and what was held is revoked and comes back")
    func reconnection() async throws {
        let world = try await LinkWorld()
        let relay = try await Relay(to: world.stage.port)
        let principal = world.connector()
        let run = try world.stage.client(principal, over: relay.port)
        let subscription = try await run.client.subscribe(to: world.groupPlace, as: principal.boot, credit: 2)
        let place = InboxPlace(tenant: world.tenant, boot: principal.boot)
        let inbox = try await run.client.openInbox(place)
        try await run.connected()
        try await world.broker.send(world.request([1]))
        guard case .delivered(let held)? = await subscription.next()?.first else {
            Issue.record("not delivered")
            return
        }
        let start = ContinuousClock.now
        relay.cut()
        #expect(await subscription.next() == [.revoked(held.map(\.token))])
        guard case .delivered(let again)? = await subscription.next()?.first else {
            Issue.record("not delivered again")
            return
        }
        #expect(ContinuousClock.now - start < .seconds(1))
        #expect(again.map(\.payload) == held.map(\.payload))
        #expect(again.allSatisfy { $0.mayBeRedelivery })
        #expect(try await subscription.complete(held.map(\.token)) == held.map(\.token))
        #expect(try await subscription.complete(again.map(\.token)) == [])
        try await run.connected()
        let frame = world.record(.receipt, from: world.dispatcher(), to: .inbox(place))
        try await world.broker.send(frame)
        #expect(await inbox.next() == [frame.payload])
        await run.stop()
        #expect(await subscription.next() == nil)
        #expect(await inbox.next() == nil)
        await relay.stop()
        await world.stage.stop()
    }

    @Test("What a cut member held goes to another within a second")
    func failover() async throws {
        let world = try await LinkWorld()
        let relay = try await Relay(to: world.stage.port)
        let (first, second) = (world.connector(), world.connector())
        let dying = try world.stage.client(first, over: relay.port)
        let held = try await dying.client.subscribe(to: world.groupPlace, as: first.boot, credit: 64)
        let outcomes = await world.broker.send((0..<64).map { world.request([$0]) })
        #expect(outcomes.allSatisfy { $0 == .stored })
        var count = 0
        while count < 64, let events = await held.next() {
            for case .delivered(let deliveries) in events { count += deliveries.count }
        }
        let surviving = try world.stage.client(second)
        let heir = try await surviving.client.subscribe(to: world.groupPlace, as: second.boot, credit: 64)
        let start = ContinuousClock.now
        await relay.stop()
        count = 0
        while count < 64, let events = await heir.next() {
            for case .delivered(let deliveries) in events { count += deliveries.count }
        }
        #expect(ContinuousClock.now - start < .seconds(1))
        await dying.stop()
        await surviving.stop()
        await world.stage.stop()
    }

    @Test("Sends wait for the link to come, in order, up to a bound of records and time")
    func waiting() async throws {
        let world = try await LinkWorld()
        let principal = world.connector()
        let reader = InboxPlace(tenant: world.tenant, boot: .random())
        let inbox = try await world.broker.openInbox(reader)
        let relay = try await Relay(to: world.stage.port)
        let gate = Mailbox<Void>()
        let token = world.stage.book.issue(principal)
        let run = try world.stage.client(over: relay.port) { configuration in
            configuration.waitingRecords = 3
        } credential: { nonce in
            _ = await gate.take()
            return CredentialBook.prove(token, nonce)
        }
        let records = (0..<3).map { world.record(.response, from: principal, to: .inbox(reader), body: [$0]) }
        let waiting = Task { await run.client.send(records) }
        while run.client.waitingRecords < 3 { await Task.yield() }
        let refused = await run.client.send([records[0]])
        #expect(refused == [.failed(BrokerError(.notPersisted, ""))])
        gate.put(CollectionOfOne(()))
        #expect(await waiting.value == [.stored, .stored, .stored])
        #expect(await inbox.next() == records.map(\.payload))
        await run.stop()

        let lost = try world.stage.client(principal, over: relay.port) { configuration in
            configuration.port = 1
            configuration.waitingTime = .milliseconds(50)
            configuration.openingTime = .milliseconds(50)
        }
        #expect(await lost.client.send([records[0]]) == [.failed(BrokerError(.notPersisted, ""))])
        await #expect(throws: BrokerError(.notPersisted, "")) {
            try await lost.client.subscribe(to: world.groupPlace, as: principal.boot, credit: 1)
        }
        await lost.stop()
        await relay.stop()
        await world.stage.stop()
    }

    @Test("A send that was on its way when the link broke may have arrived or not")
    func unknownOutcome() async throws {
        let world = try await LinkWorld(broker: StuckBroker())
        let relay = try await Relay(to: world.stage.port)
        let principal = world.connector()
        let run = try world.stage.client(principal, over: relay.port)
        try await run.connected()
        guard let broker = world.broker as? StuckBroker else { return }
        async let outcome = run.client.send([world.record(.beat, from: principal, to: .presence(world.tenant))])
        _ = await broker.entered.take()
        relay.cut()
        #expect(await outcome == [.failed(BrokerError(.unknown, ""))])
        broker.leave.close()
        await run.stop()
        await relay.stop()
        await world.stage.stop()
    }

    @Test("A credential is refreshed at half of its life, and no delivery notices")
    func refresh() async throws {
        let world = try await LinkWorld()
        let principal = world.connector(living: .seconds(3600))
        let fetches = Mailbox<Void>()
        let stage = world.stage
        let run = try stage.client { nonce in
            fetches.put(CollectionOfOne(()))
            var fresh = principal
            fresh.expiresAt = RelayClock.system.now + .milliseconds(400)
            return CredentialBook.prove(stage.book.issue(fresh), nonce)
        }
        let subscription = try await run.client.subscribe(to: world.groupPlace, as: principal.boot, credit: 4)
        try await run.connected()
        var count = 0
        while count < 5, let taken = await fetches.take() { count += taken.count }
        try await world.broker.send(world.request())
        #expect(await subscription.next()?.count == 1)
        #expect(stage.server.counters.authenticated == 1)
        await run.stop()
        await stage.stop()
    }

    @Test("A refusal that is final stops the client; others are tried again", arguments: LinkRefusal.allCases)
    func refusals(_ refusal: LinkRefusal) async throws {
        let world = try await LinkWorld()
        let principal = world.connector()
        let token = world.stage.book.issue(principal)
        world.stage.book.refuse(token, LinkError(.refused(refusal), "for the test"))
        let run = try world.stage.client { CredentialBook.prove(token, $0) }
        if refusal.isFatal {
            guard case .failure(let error as LinkError) = await run.result() else {
                Issue.record("not stopped")
                return
            }
            #expect(error == LinkError(.refused(refusal), ""))
            #expect(error.message == "for the test")
            await #expect(throws: BrokerError(.denied, "")) {
                try await run.client.openInbox(InboxPlace(tenant: world.tenant, boot: principal.boot))
            }
        } else {
            #expect(try await run.disconnected() == LinkError(.refused(refusal), ""))
        }
        await run.stop()
        await world.stage.stop()
    }

    @Test("A tenant that cannot be trusted, reached or upgraded is named as the reason")
    func unreachable() async throws {
        let world = try await LinkWorld()
        let principal = world.connector()
        let stranger = try TestAuthority("another")
        let trustless = try stranger.clientTLS()
        let untrusted = try world.stage.client(principal) { $0.tls = trustless }
        let wrongPath = try world.stage.client(principal) { $0.path = "/v1/elsewhere" }
        let nobody = try world.stage.client(principal) { $0.port = 1 }
        #expect(try await untrusted.disconnected().message.contains("the server's certificate is not trusted"))
        #expect(try await wrongPath.disconnected().message.contains("404"))
        #expect(try await nobody.disconnected().code == .unreachable)
        for run in [untrusted, wrongPath, nobody] { await run.stop() }
        await world.stage.stop()
    }

    @Test("A link goes through a proxy that asks for a password, and says so when it is wrong")
    func proxy() async throws {
        let world = try await LinkWorld()
        let relay = try await Relay(to: world.stage.port, as: .proxy(authorization: "Basic dXNlcjpwYXNz"))
        let principal = world.connector()
        let run = try world.stage.client(principal) {
            $0.proxy = ForwardingProxy(host: "127.0.0.1", port: relay.port, user: "user", password: "pass")
        }
        try await run.connected()
        #expect(relay.connections == 1)
        let wrong = try world.stage.client(world.connector()) {
            $0.proxy = ForwardingProxy(host: "127.0.0.1", port: relay.port, user: "user", password: "guess")
        }
        let refusal = try await wrong.disconnected().message
        #expect(refusal.contains("answers 407") && !refusal.contains("guess"), "\(refusal)")
        await run.stop()
        await wrong.stop()
        await relay.stop()
        await world.stage.stop()
    }

    @Test("A client gives up a link on which it hears nothing any more, and makes another")
    func silentServer() async throws {
        let world = try await LinkWorld()
        let relay = try await Relay(to: world.stage.port)
        let run = try world.stage.client(world.connector(), over: relay.port) {
            $0.timing = LinkTiming(ping: .milliseconds(100), silence: .milliseconds(500))
        }
        try await run.connected()
        relay.hold()
        #expect(try await run.disconnected() == LinkError(.silent, ""))
        try await run.connected()
        await run.stop()
        await relay.stop()
        await world.stage.stop()
    }

    @Test("A server gives up a link on which it hears nothing any more, and closes its inbox")
    func silentClient() async throws {
        let timing = LinkTiming(ping: .milliseconds(100), silence: .milliseconds(500))
        let world = try await LinkWorld(configuration: .init(timing: timing))
        let relay = try await Relay(to: world.stage.port)
        let principal = world.connector()
        let watch = try await world.broker.watchPresence(of: world.tenant)
        let run = try world.stage.client(principal, over: relay.port)
        _ = try await run.client.openInbox(InboxPlace(tenant: world.tenant, boot: principal.boot))
        relay.hold()
        #expect(await watch.next() == [.closed(principal.boot)])
        await run.stop()
        await relay.stop()
        await world.stage.stop()
    }

    @Test("An inbox passes more than its window, in order, as fast as it is read")
    func inboxWindow() async throws {
        let world = try await LinkWorld()
        let principal = world.connector()
        let run = try world.stage.client(principal)
        let place = InboxPlace(tenant: world.tenant, boot: principal.boot)
        let inbox = try await run.client.openInbox(place)
        let dispatcher = world.dispatcher()
        let body = Array(repeating: UInt8(7), count: 100_000)
        let sending = Task { [world] in
            for number in 0..<50 {
                let record = world.record(.request, from: dispatcher, to: .inbox(place), body: body) {
                    $0.sequence = UInt64(number)
                }
                while case .failed = await world.broker.send([record])[0] { await Task.yield() }
            }
        }
        var sequences: [UInt64] = []
        while sequences.count < 50, let records = await inbox.next() {
            for record in records {
                var reader = ByteReader(record[...])
                sequences.append(try RelayHeader(from: &reader).sequence)
            }
        }
        #expect(sequences == Array(0..<50))
        await sending.value
        await run.stop()
        await world.stage.stop()
    }

    @Test("A server that goes away says so, and the client comes back when it does")
    func serverShutdown() async throws {
        let world = try await LinkWorld()
        let relay = try await Relay(to: world.stage.port)
        let run = try world.stage.client(world.connector(), over: relay.port)
        try await run.connected()
        let start = ContinuousClock.now
        await world.stage.stop()
        #expect(ContinuousClock.now - start < .seconds(2))
        #expect(try await run.disconnected() == LinkError(.refused(.shuttingDown), ""))
        await run.stop()
        await relay.stop()
    }
}
