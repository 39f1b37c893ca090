public import ArgumentParser
internal import EnrollmentService
internal import Foundation
internal import IdentityStore
public import Logging
internal import Metrics
internal import MetricsExport
internal import NIOCore
internal import RemoteKeyAuthority
internal import ServiceLifecycle
public import StructuredLogging
internal import UnixSignals

/// `postern-tenant serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serves the tenants' connectors, operators and applications on one TLS port.",
        discussion: """
            Roles: 'enrollment' registers connectors and administers; 'broker' is the embedded queue with its link;
            'dispatcher' relays calls. They share the state folder; the dispatcher needs the broker in its process
            for now, and one process has the broker: a second one is refused with exit code 2. Where a Kafka cluster is
            the broker ('postern-tenant kafka'), the role broker is nobody's and the dispatcher stands by itself; it
            says of Kafka that it is away in the log, and calls fail meanwhile. 'key-authority', by itself, signs the epochs of tenants whose Key Authority was moved to this state folder, on whatever machine
            ('postern-tenant keyauthority move'); elsewhere the enrollment role does that. SIGTERM: takes no new requests,
            answers those under way, ends.

            Several dispatchers side by side, on Kafka: the first is named default; each further process has a name by
            --instance, a port and a ledger of its own ('--roles dispatcher --instance b --listen 127.0.0.1:8444'). Callers
            may ask any of them; any may be killed. Documentation/Operating.md, "Several dispatchers", has the rest.

            Limits (--limits, JSON): 'source' and 'principal' hold for each kind of request (open, registration, token,
            member, administration) how many come per_second and in a burst; 'failures' says when failed credentials
            have to wait (free, first_delay_seconds, longest_delay_seconds, forget_after_seconds, alarm); 'port' bounds
            connections (first_request_seconds, body_seconds, idle_seconds, head_bytes, connections); 'entries' bounds
            what is remembered. Documentation/Identity.md has the usual values.
            """)

    /// What a process does.
    enum Role: String, CaseIterable {
        case enrollment, dispatcher, broker
        case keyAuthority = "key-authority"
    }

    @OptionGroup var state: StateOptions

    @Option(help: "The address and port to listen on.")
    var listen = "127.0.0.1:8443"

    @Option(help: "What this process does, by commas.")
    var roles = "enrollment,dispatcher,broker"

    @Option(help: "Which of several dispatchers this one is; a new name adds one.")
    var instance = DispatcherInstance.usualName

    @Option(
        help: ArgumentHelp(
            "Where other dispatchers reach this one; the host of the installation's URL with the port of --listen where"
                + " nothing is said.", valueName: "https://host:port"))
    var advertise: String?

    @Option(help: "A JSON file of limits (Documentation/Identity.md); what it does not name is as usual.")
    var limits: String?

    @Option(help: "Serve metrics (Prometheus' text, GET /metrics) on this port of this machine, as 127.0.0.1:9465.")
    var metrics: String?

    @Option(help: "trace, debug, info, notice, warning or error.")
    var logLevel: Logger.Level = .info

    @Option(help: "text or json; json where standard error is no terminal.")
    var logFormat: LogFormat?

    func run() async throws {
        try await report {
            let logger = (logFormat ?? .standard).logger(label: "postern-tenant", level: logLevel)
            let (host, port) = try Self.address(listen)
            let roles = try Self.roles(roles)
            // Before the first metric is made.
            let metrics = try self.metrics.map(LoopbackAddress.init).map { ($0, MetricsRegistry()) }
            if let (_, registry) = metrics { MetricsSystem.bootstrap(registry) }
            try state.folder.sealKeys()
            if roles == [.keyAuthority] { return try await Self.serveKeyAuthority(in: state.folder, logger: logger) }
            let limits = try LimitFile.read(limits)
            let installation = try await Installation.open(state.folder, logger: logger)
            guard !roles.contains(.dispatcher) || roles.contains(.broker) || installation.settings.kafka != nil else {
                throw CommandFailure(
                    .usage,
                    "the role dispatcher needs the role broker in the same process: the embedded broker is reached from"
                        + " afar by connectors only. With a Kafka cluster it does not ('postern-tenant kafka set').")
            }
            // Of several processes with one state folder, one has the queue and the ledger.
            let lock =
                try roles.isDisjoint(with: [.broker, .dispatcher]) ? nil : Self.lock(installation, instance, roles)
            let tenancy = try await TenantRuntime(
                installation: installation, roles: roles, host: host, port: port, limits: limits,
                instance: instance, advertise: advertise, logger: logger)
            let metricsServer = metrics.map {
                MetricsServer(registry: $0.1, address: $0.0, logger: logger)
            }
            // What the library says of services at debug level would print all that they hold.
            var lifecycleLogger = logger
            lifecycleLogger.logLevel = max(.info, logger.logLevel)
            let group = ServiceGroup(
                configuration: .init(
                    services: ([metricsServer].compactMap { $0 } + tenancy.services).map {
                        .init(
                            service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                            failureTerminationBehavior: .cancelGroup)
                    }, gracefulShutdownSignals: [.sigterm, .sigint], cancellationSignals: [],
                    logger: lifecycleLogger))
            do {
                try await group.run()
            } catch let error as IOError {
                throw CommandFailure(
                    .usage, "cannot listen on \(listen): \(error). Is another process there? 'ss -tnlp' says which.")
            }
            withExtendedLifetime(lock) {}
        }
    }

    /// Signs epochs on a machine of its own, until it is told to end.
    private static func serveKeyAuthority(in folder: StateFolder, logger: Logger) async throws {
        guard let authority = try RemoteAuthority.open(folder, logger: logger) else {
            throw CommandFailure(
                .notInitialized,
                "\(folder.path) holds no Key Authority of its own. Make it where the installation is: postern-tenant"
                    + " keyauthority move --tenant NAME --to DIR")
        }
        guard let lock = try folder.lock("serve.lock") else {
            throw CommandFailure(.usage, "another process serves the Key Authority in \(folder.path) already.")
        }
        logger.notice("Key Authority is at work", metadata: ["state": "\(folder.path)"])
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: RemoteAuthorityService(authority: authority))],
                gracefulShutdownSignals: [.sigterm, .sigint], cancellationSignals: [], logger: logger))
        try await group.run()
        withExtendedLifetime(lock) {}
    }

    private static func lock(_ installation: Installation, _ name: String, _ roles: Set<Role>) throws -> FolderLock {
        let path = installation.folder.path
        let isUsual = name == DispatcherInstance.usualName
        guard isUsual || !roles.contains(.broker) || installation.settings.kafka != nil else {
            throw CommandFailure(
                .usage,
                "the embedded queue belongs to one process, the dispatcher instance \"default\": dispatchers side by"
                    + " side need Kafka ('postern-tenant kafka set') and --roles dispatcher.")
        }
        guard isUsual || roles.contains(.dispatcher) else {
            throw CommandFailure(.usage, "--instance names a dispatcher; --roles has none")
        }
        guard let lock = try InstanceRegister(installation).lock(name) else {
            throw CommandFailure(
                .usage,
                isUsual
                    ? "another process serves the queue or the dispatcher in \(path) already. Stop that one first; 'fuser"
                        + " \(path)/serve.lock' names it. One with --roles enrollment alone may run beside it, and on Kafka"
                        + " further dispatchers by --instance NAME."
                    : "another process serves the dispatcher instance \"\(name)\" already; 'fuser"
                        + " \(path)/serve-\(name).lock' names it. Give this one another name by --instance.")
        }
        return lock
    }

    private static func address(_ text: String) throws -> (String, Int) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else { throw CommandFailure(.usage, "--listen is ADDRESS:PORT, as in 127.0.0.1:8443 or [::]:8443") }
        let host = text[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        return (host.isEmpty ? "0.0.0.0" : host, port)
    }

    private static func roles(_ text: String) throws -> Set<Role> {
        var roles: Set<Role> = []
        for name in text.split(separator: ",") {
            guard let role = Role(rawValue: String(name)) else {
                throw CommandFailure(
                    .usage, "there is no role \"\(name)\"; roles are enrollment, dispatcher, broker, key-authority")
            }
            roles.insert(role)
        }
        guard !roles.isEmpty else { throw CommandFailure(.usage, "--roles names none") }
        guard !roles.contains(.keyAuthority) || roles.count == 1 else {
            throw CommandFailure(
                .usage, "the role key-authority stands by itself; in an installation the role enrollment does its work")
        }
        return roles
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
extension LogFormat: ExpressibleByArgument {}
