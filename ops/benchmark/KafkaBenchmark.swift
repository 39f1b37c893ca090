internal import ArgumentParser
internal import BrokerCore
internal import Dispatcher
internal import Foundation
internal import KafkaBroker
internal import KafkaTopology
internal import Logging
internal import PlainRelay
internal import RelayDelivery
internal import RelayFormat
internal import RelayKeys
internal import RelaySealing
internal import SealedRelay

/// Calls through a Kafka that is there: the dispatcher in this process, the connector in another.
struct KafkaBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kafka", abstract: "Measures calls through Kafka, and a bare exchange on the same cluster.")

    @Option(help: "A server of the cluster, host:port; it has to make topics.") var bootstrap: String
    @OptionGroup var calls: CallOptions

    @Option(help: "How messages are sealed: \(SealingOption.allCases.map(\.rawValue).joined(separator: ", ")).")
    var sealing = SealingOption.x25519

    @Option(help: "Into how many partitions the group's topic of work is cut.") var partitions: Int32?

    func run() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("relay-benchmark-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var logger = Logger(label: "relay-benchmark")
        logger.logLevel = .critical
        let (tenant, group, member) = (TenantID.random(), GroupID.random(), MemberID.random())
        var layout = KafkaLayout(prefix: "bench-\(UInt32.random(in: 0 ... .max))", inboxPartitions: 8)
        if let partitions { layout.requestPartitions = partitions }
        let configuration = KafkaConfiguration(bootstrap: bootstrap, layout: layout, role: .dispatcher)
        try await Self.makeTopics(for: tenant, group, configuration, logger)

        print(Measurement.heading)
        for number in calls.inFlight {
            let bare = try await BareKafka(configuration, size: calls.size)
            _ = await Measurement.run(inFlight: number, lasting: .milliseconds(500)) { await bare.exchange() }
            let measured = await Measurement.run(
                inFlight: number, lasting: .seconds(calls.seconds),
                processorTime: { ProcessorTime.own + ProcessorTime.of(bare.echo) }
            ) { await bare.exchange() }
            print(measured.row("bare librdkafka"))
            await bare.end()
        }

        let broker = try ClusterBroker(configuration: configuration, logger: logger)
        let authority = sealing.suite.map { TestKeyAuthority(tenant: tenant, suite: $0) }
        let dispatcher = DispatchService(
            instance: .random(), broker: broker,
            keys: { [logger] in authority?.tenantKeys(for: $0, logger: logger) ?? .plain($0) },
            configuration: .init(timing: .init(beat: .milliseconds(500)), version: "benchmark"), logger: logger)
        let tenantDispatcher = dispatcher.tenant(tenant, named: "benchmark")
        let keys = try authority.map {
            try BenchmarkSealing(member, of: group, by: $0, suite: sealing.suite ?? .x25519)
        }
        try await withThrowingTaskGroup { services in
            services.addTask { try await dispatcher.run() }
            let place = BenchmarkPlace(
                port: 0, certificate: "", tenant: "\(tenant)", group: "\(group)", member: "\(member)", sealing: keys,
                kafka: .init(bootstrap: bootstrap, layout: layout))
            let file = folder.appendingPathComponent("place.json").path
            try place.write(file)
            let connector = try CallOptions.startConnector(file)
            defer { connector.terminate() }
            let call = try await calls.ready(tenantDispatcher, group: group)
            await calls.measure(call, with: connector.processIdentifier, named: "relay on Kafka")
            print(
                """

                The dispatcher's process: \(CallOptions.footprint(of: getpid())); the connector's: \
                \(CallOptions.footprint(of: connector.processIdentifier)). librdkafka \(ClusterBroker.libraryVersion).
                """)
            services.cancelAll()
            await broker.close()
        }
    }

    private static func makeTopics(
        for tenant: TenantID, _ group: GroupID, _ configuration: KafkaConfiguration, _ logger: Logger
    ) async throws {
        let admin = try KafkaAdmin(configuration: configuration, logger: logger)
        let wishes = KafkaWishes(
            layout: configuration.layout, topics: .init(replication: 1), connectors: nil, dispatchers: nil,
            roster: KafkaRoster(tenants: [.init(id: tenant, groups: [group], connectors: [:], dispatchers: [])]))
        let plan = KafkaPlan(wishes, seen: try await admin.look(at: configuration.layout, withRules: false))
        let failures = await admin.apply(plan)
        await admin.close()
        if let failure = failures.first { throw failure }
    }
}
