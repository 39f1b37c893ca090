import BrokerCore
import NIOWebSocket
import RelayFormat
import Testing

@testable import BrokerLink

@Suite(.timeLimit(.minutes(1))) struct LinkServerTests {
    @Test("Who says anything before authenticating is cut off")
    func silentEntry() async throws {
        let world = try await LinkWorld()
        let link = try await RawLink(world.stage)
        _ = try await link.nonce()
        try await link.send(.send(batch: 1, records: [world.request()]))
        #expect(try await link.refusal() == .malformed)
        try await world.expectService()
        #expect(world.stage.server.counters.malformed == 1)
        await world.stage.stop()
    }

    @Test("Who does not authenticate in time is cut off")
    func slowEntry() async throws {
        let world = try await LinkWorld(configuration: .init(authenticationTimeout: .milliseconds(100)))
        let link = try await RawLink(world.stage)
        _ = try await link.nonce()
        #expect(try await link.refusal() == .unauthenticated)
        #expect(world.stage.server.counters.unauthenticated == 1)
        await world.stage.stop()
    }

    @Test("A proof over another nonce, a wrong token and an expired credential are refused, and counted")
    func wrongCredentials() async throws {
        let world = try await LinkWorld()
        let token = world.stage.book.issue(world.connector())
        let stale = world.stage.book.issue(world.connector(living: .seconds(-1)))
        for (token, tweak, expected) in [
            (token, [UInt8(1)], LinkRefusal.unauthenticated), ("nonsense", [], .unauthenticated), (stale, [], .expired),
        ] {
            let link = try await RawLink(world.stage)
            let credential = CredentialBook.prove(token, try await link.nonce() + tweak)
            try await link.send(.authenticate(token: token, proof: credential.proof))
            #expect(try await link.refusal() == expected)
        }
        #expect(world.stage.server.counters.unauthenticated == 3)
        #expect(world.stage.server.counters.authenticated == 0)
        try await world.expectService()
        await world.stage.stop()
    }

    @Test("A link ends when its credential does, and lives on when it is refreshed")
    func expiry() async throws {
        let world = try await LinkWorld()
        let expiring = try await RawLink(world.stage)
        try await expiring.authenticate(world.stage, as: world.connector(living: .milliseconds(300)))
        #expect(try await expiring.refusal() == .expired)

        let refreshed = try await RawLink(world.stage)
        var principal = world.connector(living: .milliseconds(300))
        let nonce = try await refreshed.authenticate(world.stage, as: principal)
        principal.expiresAt = .never
        let credential = CredentialBook.prove(world.stage.book.issue(principal), nonce)
        try await refreshed.send(.authenticate(token: credential.token, proof: credential.proof))
        guard case .authenticated(let grant)? = try await refreshed.messages().first else {
            Issue.record("not refreshed")
            return
        }
        #expect(grant.nonce != nonce)
        try await Task.sleep(for: .milliseconds(400))  // The former credential has ended by now.
        try await refreshed.send(.openInbox(id: 1, place: InboxPlace(tenant: world.tenant, boot: principal.boot)))
        #expect(try await refreshed.messages() == [.opened(id: 1)])
        await world.stage.stop()
    }

    @Test("A link is not refreshed with another's credential, nor twice with one nonce")
    func foreignRefresh() async throws {
        let world = try await LinkWorld()
        let link = try await RawLink(world.stage)
        let nonce = try await link.authenticate(world.stage, as: world.connector())
        let other = CredentialBook.prove(world.stage.book.issue(world.connector()), nonce)
        try await link.send(.authenticate(token: other.token, proof: other.proof))
        #expect(try await link.refusal() == .unauthenticated)

        let replayed = try await RawLink(world.stage)
        let first = try await replayed.nonce()
        let credential = CredentialBook.prove(world.stage.book.issue(world.connector()), first)
        for _ in 0..<2 { try await replayed.send(.authenticate(token: credential.token, proof: credential.proof)) }
        #expect(try await replayed.refusal() == .unauthenticated)
        await world.stage.stop()
    }

    @Test("Frames that are not whole, binary, masked and ours end the link, and no other")
    func garbage() async throws {
        let world = try await LinkWorld()
        let bystander = try await RawLink(world.stage)
        let principal = world.connector()
        try await bystander.authenticate(world.stage, as: principal)
        let attacks: [(WebSocketOpcode, [UInt8], Bool, Bool)] = [
            (.text, Array("{}".utf8), true, true), (.binary, [9, 9, 9], true, true), (.binary, [], true, true),
            (.binary, [1, 7, 0xff, 0xff, 0xff, 0xff], true, true),
            (.binary, [1, 7, 0, 0, 0, 4, 0, 0, 0, 1], false, true),
            (.binary, [1], true, false), (.continuation, [1], true, true),
            (.binary, Array(repeating: 1, count: LinkFrame.largest + 1), true, true),
        ]
        for (opcode, bytes, isMasked, isFinal) in attacks {
            let link = try await RawLink(world.stage)
            try await link.authenticate(world.stage, as: world.connector())
            // The largest may be cut off while it is still being written.
            try? await link.send(opcode, bytes, isMasked: isMasked, isFinal: isFinal)
            let refusal = try await link.refusal()
            #expect(refusal == .malformed || bytes.count > LinkFrame.largest, "\(opcode) \(bytes.prefix(10))")
        }
        // The client of a frame that is too large may see the end of the connection before the server has counted it.
        let end = ContinuousClock.now + .seconds(10)
        while world.stage.server.counters.malformed < attacks.count, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(world.stage.server.counters.malformed == attacks.count)
        try await bystander.send(.openInbox(id: 1, place: InboxPlace(tenant: world.tenant, boot: principal.boot)))
        #expect(try await bystander.messages() == [.opened(id: 1)])
        try await world.expectService()
        await world.stage.stop()
    }

    @Test("A connector gets no group, inbox or presence but its own, and its link goes on")
    func foreignPlaces() async throws {
        let world = try await LinkWorld()
        let principal = world.connector()
        let run = try world.stage.client(principal)
        let client = run.client
        let denied = BrokerError(.denied, "")
        let otherGroup = GroupPlace(tenant: world.tenant, group: .random())
        let otherTenant = GroupPlace(tenant: .random(), group: world.group)
        for (place, member) in [
            (otherGroup, principal.boot), (otherTenant, principal.boot), (world.groupPlace, BootID.random()),
        ] {
            await #expect(throws: denied) { try await client.subscribe(to: place, as: member, credit: 1) }
        }
        await #expect(throws: denied) {
            try await client.openInbox(InboxPlace(tenant: world.tenant, boot: .random()))
        }
        await #expect(throws: denied) {
            try await client.openInbox(InboxPlace(tenant: .random(), boot: principal.boot))
        }
        await #expect(throws: denied) { try await client.watchPresence(of: world.tenant) }
        await #expect(throws: denied) { try await client.provision(world.groupPlace) }
        _ = try await client.openInbox(InboxPlace(tenant: world.tenant, boot: principal.boot))
        #expect(world.stage.server.counters.deniedOpenings == 7)
        await run.stop()
        await world.stage.stop()
    }

    @Test("Forged records are refused one by one; the honest ones among them arrive")
    func forgedRecords() async throws {
        let world = try await LinkWorld()
        let principal = world.connector()
        let run = try world.stage.client(principal)
        let reader = BootID.random()
        let inbox = try await world.broker.openInbox(InboxPlace(tenant: world.tenant, boot: reader))
        let place = Place.inbox(InboxPlace(tenant: world.tenant, boot: reader))
        let honest = world.record(.response, from: principal, to: place, body: [7])
        let last = world.record(.accepted, from: principal, to: place, body: [8])
        let denied = SendOutcome.failed(BrokerError(.denied, ""))
        let outcomes = await run.client.send([
            honest,
            world.record(.response, from: principal, to: place) { $0.sender = .random() },
            world.record(.response, from: principal, to: place) { $0.boot = .random() },
            world.record(.response, from: principal, to: place) { $0.tenant = .random() },
            world.record(.request, from: principal, to: .group(world.groupPlace)),
            world.record(.request, from: principal, to: place),
            world.record(.response, from: principal, to: .inbox(InboxPlace(tenant: .random(), boot: reader))),
            OutgoingRecord(to: place, payload: [1, 2, 3], expiresAt: .never),
            last,
        ])
        #expect(outcomes == [.stored] + Array(repeating: denied, count: 7) + [.stored])
        var arrived: [[UInt8]] = []
        while arrived.count < 2, let records = await inbox.next() { arrived += records }
        #expect(arrived == [honest.payload, last.payload])
        #expect(world.stage.server.counters.deniedRecords == 7)
        await run.stop()
        await world.stage.stop()
    }

    @Test("A number in use is refused, an unknown one ignored, and too many are too many")
    func numbers() async throws {
        let world = try await LinkWorld(configuration: .init(maximumOpenings: 2))
        let principal = world.connector()
        let link = try await RawLink(world.stage)
        try await link.authenticate(world.stage, as: principal)
        let inbox = InboxPlace(tenant: world.tenant, boot: principal.boot)
        let tokens = [DeliveryToken(record: 1, leaseEpoch: 1)]
        try await link.send(
            .openInbox(id: 1, place: inbox), .openInbox(id: 1, place: inbox), .close(id: 99),
            .inboxCredit(id: 99, bytes: .max), .inboxCredit(id: 1, bytes: .max),
            .complete(request: 7, subscription: 99, tokens: tokens),
            .subscribe(id: 2, group: world.groupPlace, member: principal.boot, credit: .max),
            .openInbox(id: 3, place: inbox))
        var answers: [ServerMessage] = []
        while answers.count < 5 { answers += try await link.messages() }
        #expect(answers.contains(.opened(id: 1)))
        #expect(answers.contains(.failed(id: 1, BrokerError(.denied, ""))))
        #expect(answers.contains(.settled(request: 7, fenced: tokens)))
        #expect(answers.contains(.opened(id: 2)))
        #expect(answers.contains(.failed(id: 3, BrokerError(.overloaded(retryAfter: .seconds(1)), ""))))
        await world.stage.stop()
    }

    @Test("A revoked member loses its links at once and for good; what it held goes to another")
    func revocation() async throws {
        let world = try await LinkWorld()
        let principal = world.connector()
        let run = try world.stage.client(principal)
        let subscription = try await run.client.subscribe(to: world.groupPlace, as: principal.boot, credit: 1)
        try await world.broker.send(world.request([5]))
        _ = await subscription.next()
        let other = world.connector()
        let successor = try await world.broker.subscribe(to: world.groupPlace, as: other.boot, credit: 1)
        world.stage.server.closeLinks(ofMember: principal.member)
        guard case .delivered(let deliveries)? = await successor.next()?.first else {
            Issue.record("not delivered again")
            return
        }
        #expect(deliveries.first?.mayBeRedelivery == true)
        let result = await run.result()
        #expect(throws: LinkError(.refused(.revoked), "")) { try result.get() }
        #expect(run.client.state == .stopped(LinkError(.refused(.revoked), "")))
        let outcome = await run.client.send([world.record(.beat, from: principal, to: .presence(world.tenant))])
        #expect(outcome == [.failed(BrokerError(.denied, ""))])
        while let events = await subscription.next() {
            #expect(events.allSatisfy { if case .revoked = $0 { true } else { false } })
        }
        #expect(world.stage.server.principals.isEmpty)
        await world.stage.stop()
    }

    @Test("A newer link of the same boot ends the older one")
    func superseded() async throws {
        let world = try await LinkWorld()
        let principal = world.connector()
        let older = try await RawLink(world.stage)
        try await older.authenticate(world.stage, as: principal)
        let newer = try await RawLink(world.stage)
        try await newer.authenticate(world.stage, as: principal)
        #expect(try await older.refusal() == .superseded)
        #expect(world.stage.server.principals == [principal])
        await world.stage.stop()
    }

    @Test("A client that does not read is held up, and the others are not")
    func slowReader() async throws {
        let world = try await LinkWorld(configuration: .init(heldBytes: 64 * 1024))
        let principal = world.connector()
        let relay = try await Relay(to: world.stage.port)
        let run = try world.stage.client(principal, over: relay.port)
        let place = InboxPlace(tenant: world.tenant, boot: principal.boot)
        let inbox = try await run.client.openInbox(place)
        relay.hold()
        let dispatcher = world.dispatcher()
        let body = Array(repeating: UInt8(1), count: 200_000)
        for _ in 0..<64 {
            _ = await world.broker.send([
                world.record(.request, from: dispatcher, to: .inbox(place), body: body)
            ])
        }
        try await world.expectService()
        relay.cut()
        _ = inbox
        await run.stop()
        await world.stage.stop()
    }
}
