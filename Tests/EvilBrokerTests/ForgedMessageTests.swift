import BrokerCore
import Connector
import Dispatcher
import RelayFormat
import RelayKeys
import SealedRelay
import Testing

@testable import RelaySealing

@Suite("What a member or a stranger forges together with the broker", .timeLimit(.minutes(2)))
struct ForgedMessageTests {
    /// A victim at work, and a member of the same group that means harm and has not begun.
    private struct Scene {
        let site: EvilSite
        let tenant: EvilTenant
        let victim: EvilConnector
        let mallory: EvilConnector
        let forgery: Forgery

        init(_ site: EvilSite, malloryIn group: KeyPath<EvilTenant, GroupID> = \.group) async throws {
            self.site = site
            tenant = site.tenant("acme")
            victim = try tenant.connector("victim")
            mallory = try tenant.connector("mallory", groups: [tenant[keyPath: group]])
            victim.start()
            #expect(await tenant.call("/before", class: .once).text == "/before")
            forgery = Forgery(
                site: site, tenant: tenant,
                epoch: try #require(try mallory.epoch(of: tenant[keyPath: group], by: tenant.authority)),
                signer: mallory.keys.signer)
        }

        /// All is as it was.
        func end(_ executed: [String] = ["/before"]) async {
            #expect(victim.service.executed == executed)
            #expect(await tenant.call("/after", class: .once).text == "/after")
            #expect(victim.service.executed == executed + ["/after"])
        }
    }

    @Test("is no request, invitation or order at a connector", arguments: EvilCase.allCases)
    func atConnector(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let scene = try await Scene(site)
            let (tenant, forgery) = (scene.tenant, scene.forgery)
            let dispatcher = tenant.party
            let now = site.clock.clock.now
            let request = Forgery.request(at: now)
            let invite = InviteMessage(now: now, bootNumber: .max)
            let inItsName = forgery.header(.request, from: dispatcher.member, dispatcher.boot, attempt: 1)
            let ofAnotherBoot = forgery.header(.request, from: dispatcher.member, .random(), attempt: 1)
            for place in [tenant.queue, scene.victim.inbox] {
                try await site.expectRefused(
                    [try forgery.seal(inItsName, request), try forgery.seal(ofAnotherBoot, request)], at: place,
                    by: scene.victim.refusals, as: [.signature], "a request in the dispatcher's name")
                try await site.expectRefused(
                    [
                        try forgery.seal(
                            forgery.header(
                                .request, from: scene.mallory.identity.member, scene.mallory.identity.boot, attempt: 1),
                            request)
                    ], at: place, by: scene.victim.refusals, as: [.senderRole], "a request in a connector's own name")
            }
            try await site.expectRefused(
                [
                    try forgery.seal(forgery.header(.invite, from: dispatcher.member, dispatcher.boot), invite),
                    try forgery.seal(forgery.header(.invite, from: dispatcher.member, .random()), invite),
                ], at: scene.victim.inbox, by: scene.victim.refusals, as: [.signature], "an invitation")
            let orders: [[UInt8]] = [
                try forgery.sealAsSession(
                    forgery.header(.goAway, from: dispatcher.member, dispatcher.boot), GoAwayMessage(.drain)),
                try forgery.sealAsSession(
                    forgery.header(.grant, from: dispatcher.member, dispatcher.boot), DispatchListMessage([])),
            ]
            try await site.expectRefused(
                orders, at: scene.victim.inbox, by: scene.victim.refusals, as: [.commitment], "orders")
            await scene.end()
        }
    }

    @Test("is no beat, hello or answer of another at the dispatcher", arguments: EvilCase.allCases)
    func atDispatcher(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let scene = try await Scene(site)
            let (tenant, forgery) = (scene.tenant, scene.forgery)
            let dispatcher = tenant.party
            let (victim, mallory) = (scene.victim.identity, scene.mallory.identity)
            let presence = Place.presence(tenant.id)
            func hello(_ boot: BootID) throws -> HelloMessage {
                try Session.begin(in: forgery.epoch, boot: boot, with: dispatcher.member, boot: dispatcher.boot).hello
            }
            try await site.expectRefused(
                [try forgery.seal(forgery.header(.beat, from: victim.member, victim.boot), Forgery.beat)],
                at: presence, by: tenant.refusals, as: [.signature], "a beat in another's name")
            try await site.expectRefused(
                [try forgery.seal(forgery.header(.beat, from: dispatcher.member, .random()), Forgery.beat)],
                at: presence, by: tenant.refusals, as: [.senderRole], "a beat in the dispatcher's name")
            try await site.expectRefused(
                [try forgery.seal(forgery.header(.beat, from: mallory.member, victim.boot), Forgery.beat)],
                at: presence, by: tenant.refusals, as: [.sessionMismatch], "a beat of another's process")
            try await site.expectRefused(
                [
                    try forgery.seal(
                        forgery.header(.hello, from: victim.member, victim.boot), hello(victim.boot)),
                    try forgery.seal(forgery.header(.hello, from: victim.member, .random()), hello(victim.boot)),
                ], at: tenant.dispatcherInbox, by: tenant.refusals, as: [.signature], "a HELLO in another's name")
            let elsewhere = HelloMessage(
                dispatcher: dispatcher.member, dispatcherBoot: .random(), core: forgery.epoch.core.hash,
                encapsulatedKey: try hello(mallory.boot).encapsulatedKey)
            let ofNoEpoch = HelloMessage(
                dispatcher: dispatcher.member, dispatcherBoot: dispatcher.boot, core: .none,
                encapsulatedKey: elsewhere.encapsulatedKey)
            try await site.expectRefused(
                [
                    try forgery.seal(forgery.header(.hello, from: mallory.member, victim.boot), hello(victim.boot)),
                    try forgery.seal(forgery.header(.hello, from: mallory.member, mallory.boot), elsewhere),
                    try forgery.seal(forgery.header(.hello, from: mallory.member, mallory.boot), ofNoEpoch),
                ], at: tenant.dispatcherInbox, by: tenant.refusals, as: [.sessionMismatch],
                "a HELLO from another's process, to another, or of another epoch")
            try await site.expectRefused(
                [try forgery.seal(forgery.header(.hello, from: mallory.member, mallory.boot), EmptyMessage())],
                at: tenant.dispatcherInbox, by: tenant.refusals, as: [.malformed], "a HELLO that is none")
            try await site.expectRefused(
                [
                    try forgery.sealAsSession(
                        forgery.header(.response, from: victim.member, victim.boot), Forgery.answer)
                ],
                at: tenant.dispatcherInbox, by: tenant.refusals, as: [.commitment], "an answer in another's name")
            try await site.expectRefused(
                [
                    try forgery.sealAsSession(
                        forgery.header(.response, from: mallory.member, victim.boot), Forgery.answer),
                    try forgery.sealAsSession(
                        forgery.header(.response, from: mallory.member, mallory.boot), Forgery.answer),
                ], at: tenant.dispatcherInbox, by: tenant.refusals, as: [.unknownSession], "an answer without a session"
            )
            await scene.end()
        }
    }

    @Test("is nothing at all, when a stranger makes it", arguments: EvilCase.allCases)
    func stranger(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let scene = try await Scene(site)
            let tenant = scene.tenant
            let dispatcher = tenant.party
            // An epoch of the same name, by another authority, in which he is whatever he likes to be.
            let own = TestKeyAuthority(tenant: tenant.id, suite: evil.suite)
            let (keys, stranger) = (try own.newKeys(), MemberID.random())
            try own.join(scene.victim.identity.member, try own.newKeys(), [tenant.group])
            try own.joinAsDispatcher(stranger, keys)
            let present = try #require(try tenant.authority.manifest(of: tenant.group)).core.number
            let manifest = try own.cut(tenant.group, number: present)
            let epoch = try Epoch(opening: manifest, as: stranger, with: keys.hpke, keyAuthority: own.publicKey)
            let forgery = Forgery(site: site, tenant: tenant, epoch: epoch, signer: keys.signer)
            let request = Forgery.request(at: site.clock.clock.now)
            try await site.expectRefused(
                [try forgery.seal(forgery.header(.request, from: stranger, .random(), attempt: 1), request)],
                at: tenant.queue, by: scene.victim.refusals, as: [.senderUnknown], "a stranger's request")
            try await site.expectRefused(
                [
                    try forgery.seal(
                        forgery.header(.request, from: dispatcher.member, dispatcher.boot, attempt: 1), request)
                ], at: tenant.queue, by: scene.victim.refusals, as: [.commitment], "a request in the dispatcher's name")
            try await site.expectRefused(
                [try forgery.seal(forgery.header(.beat, from: stranger, .random()), Forgery.beat)],
                at: .presence(tenant.id), by: tenant.refusals, as: [.senderUnknown], "a stranger's beat")
            // And the manifest itself.
            await #expect(throws: SealingError.self) { try await scene.victim.keeper.install(manifest) }
            await scene.end()
        }
    }

    @Test("is no answer to a request that another member has the leave for", arguments: EvilCase.allCases)
    func coMember(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let scene = try await Scene(site)
            let (tenant, forgery) = (scene.tenant, scene.forgery)
            let (session, hello) = try forgery.begin(as: scene.mallory.identity.member, scene.mallory.identity.boot)
            _ = await site.broker.deliver(
                [hello], to: tenant.dispatcherInbox, until: site.clock.clock.now + .seconds(60))
            scene.victim.service.hold(true)
            let call = WatchedCall { await tenant.call("/granted", class: .once) }
            try await waitUntil("it runs") { scene.victim.service.executed.contains("/granted") }
            let request = try #require(site.broker.stored(.request).last?.header)
            let claim = ClaimMessage([.init(DispatchName(request: request.correlation, attempt: 1), as: .once)])
            let replies = site.broker.stored.count
            let lies = [
                try forgery.say(.claim, claim, in: session, about: .none, attempt: 0),
                try forgery.say(.response, Forgery.answer, in: session, about: request.correlation, attempt: 1),
                try forgery.say(
                    .return, ReturnMessage(.busy), in: session, sequence: 2, about: request.correlation, attempt: 1),
            ]
            _ = await site.broker.deliver(
                lies, to: tenant.dispatcherInbox, until: site.clock.clock.now + .seconds(60))
            let boot = scene.mallory.identity.boot
            try await waitUntil("it was heard, and its claim turned down") {
                let said = site.broker.stored.dropFirst(replies).filter {
                    $0.place == .inbox(InboxPlace(tenant: tenant.id, boot: boot))
                }
                return said.contains { $0.header?.kind == .cancel } && said.contains { $0.header?.kind == .receipt }
            }
            #expect(!site.broker.stored(.grant).contains { $0.place == scene.mallory.inbox })
            #expect(!call.isOver)
            scene.victim.service.hold(false)
            #expect(await call.result.text == "/granted")
            // What the other said cannot be read either, by one who holds all keys of the group but not the session's.
            let answer = try #require(site.broker.stored(.response).last)
            let header = try #require(answer.header)
            #expect(throws: SealingError.self) { try session.open(answer.payload, header: header) }
            #expect(throws: SealingError.self) {
                try forgery.epoch.open(
                    answer.payload, header: header, verified: VerifiedBatches(), at: site.clock.clock.now)
            }
            await scene.end(["/before", "/granted"])
        }
    }

    @Test("has no say in a request of another group", arguments: EvilCase.allCases)
    func otherGroup(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let scene = try await Scene(site, malloryIn: \.otherGroup)
            let (tenant, forgery) = (scene.tenant, scene.forgery)
            let (session, hello) = try forgery.begin(as: scene.mallory.identity.member, scene.mallory.identity.boot)
            _ = await site.broker.deliver(
                [hello], to: tenant.dispatcherInbox, until: site.clock.clock.now + .seconds(60))
            site.broker.hold { _, header in header.kind == .request }
            var calls: [WatchedCall] = []
            for (number, requestClass) in [RequestClass.safe, .keyed, .once].enumerated() {
                calls.append(WatchedCall { await tenant.call("/\(requestClass)", class: requestClass) })
                try await waitUntil("it is on its way") {
                    Set(site.broker.held.map(\.header?.correlation)).count == number + 1
                }
            }
            var sequence: UInt64 = 0
            var lies: [[UInt8]] = []
            for header in site.broker.held.compactMap(\.header) {
                let name = DispatchName(request: header.correlation, attempt: header.attempt)
                func say(_ kind: MessageKind, _ body: some MessageBody) throws {
                    sequence += 1
                    lies.append(
                        try forgery.say(
                            kind, body, in: session, sequence: sequence, about: name.request, attempt: name.attempt))
                }
                try say(.claim, ClaimMessage([.init(name, as: .once)]))
                try say(.accepted, DispatchListMessage([name]))
                try say(.response, Forgery.answer)
                try say(.return, ReturnMessage(.serviceUnknown))
                try say(.known, KnownMessage([.init(name, .interrupted)]))
            }
            try await site.expectRefused(
                lies, at: tenant.dispatcherInbox, by: tenant.refusals, as: [.foreignGroup],
                "words about another group's requests")
            #expect(calls.allSatisfy { !$0.isOver })
            #expect(!site.broker.stored(.grant).contains { $0.place == scene.mallory.inbox })
            await site.broker.release()
            for (call, text) in zip(calls, ["/safe", "/keyed", "/once"]) { #expect(await call.result.text == text) }
            #expect(Set(scene.victim.service.executed) == ["/before", "/safe", "/keyed", "/once"])
        }
    }
}
