internal import ArgumentParser
internal import Connector
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import Logging
internal import MachineIdentity
internal import Metrics
internal import MetricsExport
internal import RelayFormat
internal import ServiceLifecycle
internal import UnixSignals

/// `postern run`.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Answers the tenant's requests until it is told to stop.",
        discussion: """
            SIGTERM: takes no new work, finishes what runs within 'limits.drain', ends with exit code 0. A second SIGTERM
            ends at once. 'postern drain', or an order of the tenant's operator, ends it with exit code 11. Another
            process that is started later with the same identity takes its place, and it ends with exit code 5.
            The services come from the configuration file; what is not allowed there is denied.
            """)

    @OptionGroup var state: StateOptions
    @OptionGroup var network: NetworkOptions
    @OptionGroup var logging: LoggingOptions

    @Option(help: "The configuration file.")
    var config = "/etc/postern/connector.yaml"

    func run() async throws {
        try await report {
            var logger = logging.logger(label: "postern")
            let configuration = try Self.readConfiguration(config)
            let metrics = try Self.metrics(of: configuration, config)
            var identity = try state.registeredIdentity()
            logger[metadataKey: "tenant"] = "\(identity.record.tenant.slug)"
            if configuration.services.isEmpty {
                logger.warning("The configuration offers no services", metadata: ["file": "\(config)"])
            }
            guard let lock = try StateFolder(path: state.stateDir).lock("run.lock") else {
                throw CommandFailure(
                    .usage, "a connector already runs with the state folder \(state.stateDir)",
                    advice: "'postern status' shows it. Stop it first, or register another connector in a folder of its"
                        + " own.", reason: "already-running")
            }
            // Whoever had the folder before may have renewed meanwhile.
            identity = try state.registeredIdentity()
            // A token that is not there is told now, and not as a failure of TLS.
            try await identity.key.prove()
            let audit = try await ConnectorAudit.open(state, logger: logger)
            let hash = ConnectorAudit.hash(ofConfiguration: config)
            try await audit.record(
                "service.start", on: "connector",
                [
                    "version": PosternVersion.text, "configuration": hash, "file": config,
                    "generation": "\(identity.record.generation)",
                    "not_after": RFC3339.text(of: identity.record.notAfter),
                ])
            let (network, waiting) = (try network.settings(), WaitingRoom(identity.record, configuration))
            let runtime = try await waiting.attended(at: state.controlSocket, logger: logger) {
                try await ConnectorRuntime.open(
                    identity: identity, configuration: configuration, network: network, journalPath: state.journal,
                    store: state.store, waiting: waiting, logger: logger)
            }
            runtime.session.onEvent { [slug = identity.record.tenant.slug] event in
                audit.note(event, tenant: slug, configuration: hash)
            }
            do {
                try await serve(runtime, audit, metrics, drain: configuration.drain, logger: logger)
            } catch {
                await runtime.close()
                throw error
            }
            await runtime.close()
            withExtendedLifetime(lock) {}
            if runtime.session.isEndingByDrain { throw ExitCode(PosternExitCode.drained.rawValue) }
        }
    }

    private func serve(
        _ runtime: ConnectorRuntime, _ audit: ConnectorAudit, _ metrics: (MetricsRegistry, LoopbackAddress)?,
        drain: Duration, logger: Logger
    ) async throws {
        let pauseFile = PauseFile(folder: StateFolder(path: state.stateDir), session: runtime.session, logger: logger)
        try pauseFile.restore()
        runtime.session.onStandingChanged { pauseFile.saveSoon() }
        let orders = ConnectorOrders(
            session: runtime.session, pauseFile: pauseFile, clock: runtime.clock, drain: drain, audit: audit,
            logger: logger)
        // Stopped from the last to the first: the session drains while the link still stands.
        var services: [any Service] = [
            AuditService(
                audit: audit, store: state.store, identity: runtime.connection.identity.record, logger: logger),
            SecondSignal(),
            QueueService(queue: runtime.queue),
            HeartbeatService(
                connection: runtime.connection, clock: runtime.clock, audit: audit, keys: runtime.keys,
                epochs: runtime.epochs, queue: runtime.queue,
                tenant: runtime.connection.identity.record.tenant, logger: logger),
            RenewalService(runtime),
            ControlServer(
                path: state.controlSocket,
                handlers: .init(
                    status: { await runtime.status() }, ping: { await runtime.ping() },
                    drain: { (order) async throws(ControlRefusal) in try await orders.drain(order) },
                    pause: { (order) async throws(ControlRefusal) in try await orders.pause(order) },
                    resume: { () async throws(ControlRefusal) in try await orders.resume() },
                    rotate: { () async throws(ControlRefusal) in try await runtime.rotate() }), logger: logger),
            runtime.session,
        ]
        if let (registry, address) = metrics {
            let gauges = StatusMetrics(connector: runtime.connection.identity.record.shownName)
            services.insert(
                MetricsServer(registry: registry, address: address, logger: logger) {
                    gauges.tell(await runtime.status())
                }, at: 1)
        }
        // What the library says of services at debug level would print all that they hold.
        var lifecycleLogger = logger
        lifecycleLogger.logLevel = max(.info, logger.logLevel)
        let group = ServiceGroup(
            configuration: .init(
                services: services.map {
                    .init(
                        service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .cancelGroup)
                }, gracefulShutdownSignals: [.sigterm, .sigint], cancellationSignals: [],
                logger: lifecycleLogger))
        do {
            try await group.run()
        } catch is SecondSignal.Received {
            logger.warning("Told twice to stop: ended at once")
        }
        if runtime.session.isEndingByDrain {
            logger.notice("Drained on request", metadata: ["exit_code": "\(PosternExitCode.drained.rawValue)"])
        }
    }

    /// Begins to keep metrics, where the configuration says that they are served.
    private static func metrics(
        of configuration: ConnectorConfiguration, _ file: String
    ) throws -> (MetricsRegistry, LoopbackAddress)? {
        guard let text = configuration.metrics else { return nil }
        let address: LoopbackAddress
        do { address = try LoopbackAddress(text) } catch {
            throw CommandFailure(
                .usage, "\(file): metrics.listen: \(error.message)", advice: "Mend the file and start again.")
        }
        let registry = MetricsRegistry()
        // Once for the process, and before the first metric is made.
        MetricsSystem.bootstrap(registry)
        return (registry, address)
    }

    /// Reads a configuration file.
    ///
    /// - Throws: `CommandFailure` with the code for configuration, naming file, key and cure.
    static func readConfiguration(_ path: String) throws -> ConnectorConfiguration {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw CommandFailure(
                .usage, "cannot read the configuration file \(path)",
                advice: "Write one (see ops/examples/connector.yaml) or name another with --config.")
        }
        do {
            return try ConfigurationFile.parse(text)
        } catch {
            throw CommandFailure(.usage, "\(path): \(error)", advice: "Mend the file and start again.")
        }
    }
}
