internal import BrokerCore
internal import KafkaBroker
internal import KafkaSites
internal import KafkaTopology
internal import Logging
internal import RelayFormat
internal import TestTools
internal import Testing

@Suite struct KafkaSecurityTests {
    @Test func `no secret is printed, dumped or reflected`() {
        let marker = "marker-\(UInt64.random(in: 0 ... .max))"
        let token = KafkaSecurity.Token(value: marker, principal: "connector", expiresAt: 0)
        let security = KafkaSecurity(
            tls: .init(certificate: .init(chainPEM: "chain", keyPEM: marker)),
            login: .plain(user: "user", password: marker))
        var dumped = "\(token) \(security) \(String(reflecting: security))"
        dump((token, security), to: &dumped)
        dump(KafkaSecurity.Login.scram(mechanism: "SCRAM-SHA-512", user: "user", password: marker), to: &dumped)
        #expect(!dumped.contains(marker))
    }

    @Test func `why no server answers is told, and not only that none does`() async throws {
        let cluster = try MockCluster()
        var configuration = KafkaConfiguration(
            bootstrap: cluster.bootstrap, role: .connector, security: KafkaSecurity(tls: .init()))
        configuration.limits.openingTime = .seconds(2)
        let broker = try ClusterBroker(configuration: configuration, clock: .system, logger: .quiet)
        // The mock cluster speaks no TLS.
        await #expect { _ = try await broker.openInbox(InboxPlace(tenant: .random(), boot: .random())) } throws: {
            guard let error = $0 as? BrokerError else { return false }
            return error.code == .notPersisted && error.message.contains("SSL")
        }
        guard case .disconnected(let reason, _) = broker.standingWithCluster else {
            Issue.record("it stands \(broker.standingWithCluster)")
            return await broker.close()
        }
        #expect(reason.code == .unreachable)
        #expect(reason.message.contains("SSL"), "\(reason)")
        await broker.close()
    }
}
