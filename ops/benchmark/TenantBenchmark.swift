internal import ArgumentParser
internal import BrokerCore
internal import BrokerLink
internal import Dispatcher
internal import Foundation
internal import Logging
internal import PlainRelay
internal import RelayFormat
internal import RelayKeys
internal import RelaySealing
internal import SealedRelay
internal import SQLiteBroker
internal import TenantPort

/// The tenant's half: dispatcher, embedded broker and port in this process, the connector in another.
struct TenantBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "tenant", abstract: "Measures calls end to end.")

    @OptionGroup var calls: CallOptions

    @Option(help: "How messages are sealed: \(SealingOption.allCases.map(\.rawValue).joined(separator: ", ")).")
    var sealing = SealingOption.x25519

    func run() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("relay-benchmark-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var logger = Logger(label: "relay-benchmark")
        logger.logLevel = .critical

        let broker = try await DurableBroker.open(
            path: folder.appendingPathComponent("queue.sqlite").path, logger: logger)
        let certificate = try BenchmarkCertificate()
        let (tenant, group, member) = (TenantID.random(), GroupID.random(), MemberID.random())
        let authority = sealing.suite.map { TestKeyAuthority(tenant: tenant, suite: $0) }
        let dispatcher = DispatchService(
            instance: .random(), broker: broker,
            keys: { [logger] in authority?.tenantKeys(for: $0, logger: logger) ?? .plain($0) },
            configuration: .init(version: "benchmark"), logger: logger)
        let tenantDispatcher = dispatcher.tenant(tenant, named: "benchmark")
        let keys = try authority.map {
            try BenchmarkSealing(member, of: group, by: $0, suite: sealing.suite ?? .x25519)
        }
        let link = LinkServer(broker: broker, logger: logger) { credential, _ in
            LinkPrincipal(
                tenant: tenant, member: member, boot: BootID(credential.token) ?? .none, role: .connector,
                groups: [group], expiresAt: RelayClock.system.now + .seconds(3600))
        }
        let listening = Mailbox<Int>()
        let port = try PortService(
            configuration: .init(host: "127.0.0.1", port: 0, tls: certificate.tls),
            upgrade: PortUpgrade(path: "/v1/link", handler: link.accept), logger: logger,
            onListening: { listening.put(CollectionOfOne($0)) }, routes: { _ in })

        try await withThrowingTaskGroup { services in
            services.addTask { try await port.run() }
            services.addTask { await link.run() }
            services.addTask { try await broker.run() }
            services.addTask { try await dispatcher.run() }
            guard let number = await listening.take()?.first else { throw CleanExit.message("the port did not open") }
            let place = BenchmarkPlace(
                port: number, certificate: certificate.pem, tenant: "\(tenant)", group: "\(group)", member: "\(member)",
                sealing: keys)
            let file = folder.appendingPathComponent("place.json").path
            try place.write(file)
            let connector = try CallOptions.startConnector(file)
            defer { connector.terminate() }
            let pid = connector.processIdentifier
            let call = try await calls.ready(tenantDispatcher, group: group)
            let idle = CallOptions.footprint(of: pid)
            await calls.measure(call, with: pid)
            print("\nThe connector's process: \(idle) when idle, \(CallOptions.footprint(of: pid)) after the run.")
            services.cancelAll()
        }
    }
}
