import BrokerCore
import Connector
import Crypto
import Dispatcher
import RelayFormat
import RelayKeys
import RelaySealing
import SealedRelay
import Synchronization
import Testing

@Suite("Epochs in the hands of others", .timeLimit(.minutes(1)))
struct EpochTests {
    /// A way to the Key Authority on which somebody sits who hands out what he likes.
    private final class LyingSource: EpochSource {
        let authority: TestKeyAuthority
        let keys: MemberKeys
        let lie = Mutex<EpochManifest?>(nil)

        init(_ authority: TestKeyAuthority, _ keys: MemberKeys) {
            (self.authority, self.keys) = (authority, keys)
        }

        func manifest(of group: GroupID, unless known: CoreHash?) async throws -> EpochManifest? {
            if let lie = lie.withLock({ $0 }) { return lie }
            guard let manifest = try authority.manifest(of: group), manifest.core.hash != known else { return nil }
            return manifest
        }

        func authority() async throws -> P256.Signing.PublicKey { authority.publicKey }
        func keys(for entry: EpochMember) async throws -> MemberKeys? { keys }
        func installed(_ core: EpochCore, in keyring: Keyring) async {}
    }

    /// Asks for an epoch that will never be, until what was handed out for it has been refused.
    private static func expectRefused(by keeper: EpochKeeper, of group: GroupID, as reason: String) async throws {
        try await waitUntil("it is refused as \(reason)") {
            let isHeld = await keeper.wait(for: group, epoch: 999, within: .milliseconds(100))
            let trouble = await keeper.trouble(of: group)
            return !isHeld && trouble?.hasPrefix(reason) == true
        }
    }

    @Test(
        "an old manifest, one of another chain and one of another authority are refused, and work goes on",
        arguments: EvilCase.crossed)
    func oldManifest(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let tenant = site.tenant("acme")
            let sources = Mutex<[LyingSource]>([])
            let connector = try tenant.connector("one") { keys in
                let source = LyingSource(tenant.authority, keys)
                sources.withLock { $0.append(source) }
                return source
            }
            let source = try #require(sources.withLock { $0.first })
            let old = try #require(try tenant.authority.manifest(of: tenant.group))
            connector.start()
            #expect(await tenant.call("/first").text == "/first")
            let members = old.core.members
            for _ in 0..<2 { try tenant.authority.cut(tenant.group) }
            #expect(await tenant.call("/second").text == "/second")
            let present = try #require(try tenant.authority.manifest(of: tenant.group)).core

            // Two authorities that nobody has pinned; one of them under the present number.
            let stranger = P256.Signing.PrivateKey()
            let fork = try EpochCore(
                suite: present.suite, tenant: tenant.id, group: tenant.group, number: present.number + 1,
                previous: present.hash, notBefore: present.notBefore, notAfter: present.notAfter, members: members)
            let foreign = try EpochManifest.make(fork, secret: EpochSecret(), signer: stranger)
            for (lie, reason) in [(old, "rolled-back"), (foreign, "key-authority")] {
                source.lie.withLock { $0 = lie }
                try await Self.expectRefused(by: connector.keeper, of: tenant.group, as: reason)
                await #expect(throws: SealingError.self) { try await connector.keeper.install(lie) }
                #expect(await tenant.call("/\(reason)", class: .once).text == "/\(reason)")
                // The dispatcher is no easier to lead back.
                await #expect(throws: SealingError.self) { try await tenant.keeper.install(lie) }
            }
            // The authority itself, led astray: another epoch of the present number, and one that follows nothing.
            let twin = try tenant.authority.cut(tenant.group, number: present.number)
            await #expect(throws: SealingError.self) { try await connector.keeper.install(twin) }
            let next = try tenant.authority.cut(tenant.group)
            await #expect(throws: SealingError.self) { try await connector.keeper.install(next) }
            source.lie.withLock { $0 = twin }
            try await Self.expectRefused(by: connector.keeper, of: tenant.group, as: "chain-broken")
            #expect(
                connector.keeper.keyring.standing(of: tenant.group, at: site.clock.clock.now)?.mark == present.mark)
            source.lie.withLock { $0 = nil }
            #expect(await tenant.call("/end", class: .once).text == "/end")
        }
    }

    @Test("who was put out opens nothing of the next epoch, and is heard no more", arguments: EvilCase.allCases)
    func removed(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let tenant = site.tenant("acme")
            let stayed = try tenant.connector("stayed")
            let left = try tenant.connector("left")
            stayed.start()
            #expect(await tenant.call("/before").text == "/before")
            let last = try #require(try left.epoch(of: tenant.group, by: tenant.authority))
            let forgery = Forgery(site: site, tenant: tenant, epoch: last, signer: left.keys.signer)
            let (session, hello) = try forgery.begin(as: left.identity.member, left.identity.boot)
            let end = site.clock.clock.now + .seconds(60)
            _ = await site.broker.deliver([hello], to: tenant.dispatcherInbox, until: end)
            try await waitUntil("it has a session") {
                site.broker.stored(.welcome).contains { $0.place == left.inbox }
            }
            try tenant.authority.leave(left.identity.member, tenant.group)
            let spoken = site.broker.stored.count
            #expect(await tenant.call("/after").text == "/after")

            // It cannot open the manifest, nor anything that is sealed under it, by what it still has.
            let next = try #require(try tenant.authority.manifest(of: tenant.group))
            #expect(throws: SealingError.self) {
                try Epoch(
                    opening: next, as: left.identity.member, with: left.keys.hpke,
                    keyAuthority: tenant.authority.publicKey)
            }
            let later = site.broker.stored.dropFirst(spoken).filter { record in
                record.header.map { $0.epoch == next.core.number && $0.group == tenant.group } ?? false
            }
            #expect(later.contains { $0.header?.kind == .request })
            for record in later {
                let header = try #require(record.header)
                #expect(throws: SealingError.self) {
                    try last.open(record.payload, header: header, verified: VerifiedBatches(), at: site.clock.clock.now)
                }
                #expect(throws: SealingError.self) { try session.open(record.payload, header: header) }
            }
            // Nothing that it says is heard, under the epoch that it was in and which is still held.
            try await site.expectRefused(
                [hello, try forgery.begin(as: left.identity.member, .random()).hello], at: tenant.dispatcherInbox,
                by: tenant.refusals, as: [.senderUnknown], "its HELLO")
            try await site.expectRefused(
                [try forgery.seal(forgery.header(.beat, from: left.identity.member, left.identity.boot), Forgery.beat)],
                at: .presence(tenant.id), by: tenant.refusals, as: [.senderUnknown], "its beat")
            try await site.expectRefused(
                [
                    try forgery.say(.response, Forgery.answer, in: session, about: .random(), attempt: 1),
                    try forgery.say(.ping, EmptyMessage(), in: session, about: .none, attempt: 0),
                ], at: tenant.dispatcherInbox, by: tenant.refusals, as: [.senderUnknown], "what it says in its session")
            #expect(await tenant.call("/end", class: .once).text == "/end")
        }
    }

    @Test("a copied disk opens nothing that was sealed before its present HPKE key", arguments: EvilCase.crossed)
    func copiedDisk(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let tenant = site.tenant("acme")
            let connector = try tenant.connector("one")
            connector.start()
            #expect(await tenant.call("/before").text == "/before")
            let before = try #require(try tenant.authority.manifest(of: tenant.group))
            let requests = site.broker.stored(.request)
            // It renews its key under the same identity; the one before is erased, and then the disk is copied.
            let renewed = MemberKeys(identity: connector.keys.identity, hpke: try HPKEPrivateKey(suite: evil.suite))
            try tenant.authority.join(connector.identity.member, renewed, [tenant.group])
            let present = try Epoch(
                opening: try #require(try tenant.authority.manifest(of: tenant.group)), as: connector.identity.member,
                with: renewed.hpke, keyAuthority: tenant.authority.publicKey)
            #expect(throws: SealingError.self) {
                try Epoch(
                    opening: before, as: connector.identity.member, with: renewed.hpke,
                    keyAuthority: tenant.authority.publicKey)
            }
            #expect(!requests.isEmpty)
            for record in requests {
                let header = try #require(record.header)
                #expect(throws: SealingError.self) {
                    try present.open(
                        record.payload, header: header, verified: VerifiedBatches(), at: site.clock.clock.now)
                }
            }
        }
    }
}
