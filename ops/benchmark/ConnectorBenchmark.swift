internal import ArgumentParser
internal import BrokerCore
internal import BrokerLink
internal import Connector
internal import ConnectorServices
internal import KafkaBroker
internal import KafkaTopology
internal import Logging
internal import NIOSSL
internal import PlainRelay
internal import RelayFormat
internal import RelayKeys
internal import RequestLedger

/// The connector's half, in a process of its own.
struct ConnectorBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connector", abstract: "Serves the benchmark; started by the tenant's half.", shouldDisplay: false)

    @Option var place: String

    func run() async throws {
        var logger = Logger(label: "relay-benchmark")
        logger.logLevel = .error
        let place = try BenchmarkPlace.read(place)
        let boot = BootID.random()
        let link = place.kafka == nil ? try Self.link(to: place, as: boot, logger) : nil
        let kafka = try place.kafka.map { kafka in
            try ClusterBroker(
                configuration: KafkaConfiguration(
                    bootstrap: kafka.bootstrap, layout: kafka.layout, role: .connector,
                    group: GroupPlace(tenant: place.tenantID, group: place.groupID)), logger: logger)
        }
        guard let broker: any Broker = kafka ?? link else { return }
        // Beside the file that says where to connect, in the folder that the tenant's half removes.
        let journal = try await ResultJournal.open(
            path: self.place + ".journal.sqlite", clock: { RelayClock.system.now }, logger: logger)
        let identity = ConnectorIdentity(
            tenant: place.tenantID, tenantName: "benchmark", member: place.memberID, name: "echo", boot: boot,
            bootNumber: 1, groups: [place.groupID: "benchmark"])
        let sealing: any MessageSealing =
            try place.sealing?.keyring(for: identity.party, at: RelayClock.system.now) ?? PlainSealing(identity.party)
        let session = ConnectorSession(
            identity: identity, broker: broker, sealing: sealing, services: ServiceCatalog(["echo": EchoService()]),
            configuration: .init(
                inFlight: 4096, beat: place.kafka == nil ? .seconds(1) : .milliseconds(500), version: "benchmark"),
            clock: .system, journal: journal,
            logger: logger)
        try await withThrowingTaskGroup { group in
            if let link { group.addTask { try await link.run() } }
            group.addTask { try await session.run() }
            try await group.next()
            group.cancelAll()
        }
    }

    private static func link(to place: BenchmarkPlace, as boot: BootID, _ logger: Logger) throws -> LinkClient {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates([try NIOSSLCertificate(bytes: Array(place.certificate.utf8), format: .pem)])
        return try LinkClient(configuration: .init(host: "localhost", port: place.port, tls: tls), logger: logger) {
            _ in LinkCredential(token: "\(boot)", proof: [])
        }
    }
}
