internal import BrokerConformance
internal import BrokerCore
internal import KafkaBroker
internal import KafkaSites
internal import KafkaTopology
internal import RelayFormat
internal import Synchronization
internal import TestTools
internal import Testing

/// Tokens and certificates on a real Kafka that lets nobody do what no rule allows.
@Suite(.serialized, .enabled(if: SecureKafka.canProve, "\(SecureKafka.proofNote)"))
struct AccessConformanceTests {
    @Test(arguments: AccessKind.allCases, ConformanceCase.all)
    func `a cluster keeps the contract towards members with the rules of their role and no others`(
        kind: AccessKind, conformanceCase: ConformanceCase
    ) async throws {
        let cluster = try #require(SecureCluster.given)
        try await BrokerConformance { _ in try RuledSite(cluster, kind).site }.run(conformanceCase)
    }

    @Test func `a token is replaced before it ends, and nothing that is sent meanwhile is lost`() async throws {
        let cluster = try #require(SecureCluster.given)
        let made = Mutex(0)
        let ruled = try RuledSite(cluster, .tokens, lifetime: .seconds(6)) { made.withLock { $0 += 1 } }
        let site = ruled.site
        let party = Party(.connector, tenant: .random(), group: .random())
        let sender = try await site.connect(Party(.dispatcher, tenant: party.tenant, group: party.group))
        let broker = try await site.connect(party)
        let inbox = try await broker.openInbox(party.inboxPlace)
        let end = ContinuousClock.now + .seconds(15)
        var count = 0
        while ContinuousClock.now < end {
            let record = OutgoingRecord(
                to: .inbox(party.inboxPlace), payload: Array("\(count)".utf8), expiresAt: site.clock.now + .seconds(60))
            #expect(await sender.send([record]) == [.stored])
            let frames = try #require(await inbox.next())
            #expect(frames == [Array("\(count)".utf8)])
            count += 1
            try await Task.sleep(for: .milliseconds(20))
        }
        // Two processes of two handles each, every 4.8 s.
        #expect(made.withLock { $0 } >= 8)
        #expect(count > 100)
        await site.stop()
    }

    @Test(arguments: AccessKind.allCases)
    func `who shows what the cluster does not trust is not let in, and is told so`(kind: AccessKind) async throws {
        let cluster = try #require(SecureCluster.given)
        let site = try RuledSite(cluster, kind, isForged: true).site
        let party = Party(.connector, tenant: .random(), group: .random())
        let broker = try await site.connect(party)
        await #expect { _ = try await broker.openInbox(party.inboxPlace) } throws: { error in
            guard let error = error as? BrokerError else { return false }
            // A server that does not trust a certificate ends the handshake, which may have other reasons.
            return switch kind {
            case .tokens: error.code == .denied
            case .certificates: error.code == .notPersisted && error.message.contains("SSL")
            }
        }
        await site.stop()
    }

    @Test(arguments: AccessKind.allCases)
    func `another's inbox, group and presence are refused to whom no rule gives them`(kind: AccessKind) async throws {
        let cluster = try #require(SecureCluster.given)
        let ruled = try RuledSite(cluster, kind)
        let site = ruled.site
        let (own, other) = (
            Party(.connector, tenant: .random(), group: .random()),
            Party(.connector, tenant: .random(), group: .random())
        )
        try await ruled.makeTopics(for: other)
        let broker = try await site.connect(own)
        await expectDenied { _ = try await broker.openInbox(other.inboxPlace) }
        await expectDenied { _ = try await broker.watchPresence(of: other.tenant) }
        let record = OutgoingRecord(
            to: .group(other.groupPlace), payload: [1], expiresAt: site.clock.now + .seconds(60))
        let outcomes = await broker.send([record])
        guard case .failed(let error) = try #require(outcomes.first) else {
            Issue.record("another tenant's queue takes it")
            return await site.stop()
        }
        #expect(error.code == .denied)
        await site.stop()
    }

    private func expectDenied(_ body: () async throws -> Void) async {
        await #expect { try await body() } throws: { error in (error as? BrokerError)?.code == .denied }
    }
}
