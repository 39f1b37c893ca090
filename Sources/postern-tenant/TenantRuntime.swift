internal import BrokerCore
internal import BrokerLink
internal import Dispatcher
internal import EnrollmentProtocol
internal import EnrollmentService
internal import Foundation
internal import Hummingbird
internal import KafkaBroker
internal import KafkaTopology
internal import Logging
internal import NIOSSL
internal import RelayDelivery
internal import RelayFormat
internal import RequestLimits
internal import RequestLedger
internal import SQLiteBroker
internal import ServiceLifecycle
internal import TenantPort

/// A tenant's process put together: registry, queue, link, dispatcher and port, as far as its roles ask for them.
struct TenantRuntime {
    /// What has to run, in the order of its dependence: the port comes last and is stopped first.
    let services: [any Service]

    init(
        installation: Installation, roles: Set<ServeCommand.Role>, host: String, port: Int, limits: LimitSettings,
        instance name: String = DispatcherInstance.usualName, advertise: String? = nil, logger: Logger
    ) async throws {
        var services: [any Service] = [AuditService(installation: installation, roles: roles, logger: logger)]
        let enrollment = try EnrollmentServer(installation: installation, limits: limits, logger: logger)
        var routes: [@Sendable (Router<PortContext>) -> Void] = []
        var upgrade: PortUpgrade?
        var broker: (any Broker)?
        var listening: @Sendable (Int) -> Void = { _ in }
        // First of all: whether there was a ledger before tells since when its keys are its own.
        let instance =
            roles.contains(.dispatcher)
            ? try await InstanceService(
                installation, name: name, advertise: advertise, layout: installation.settings.kafka?.layout,
                logger: logger)
            : nil

        if installation.settings.kafka != nil {
            // The embedded broker is nobody's then, and only the dispatcher speaks to the other one.
            let provisioner = try KafkaProvisioner(installation, logger: logger)
            if let instance { await provisioner?.prepare(instance.instance.id) }
            if let instance, let kafka = try KafkaConfiguration.own(installation, as: instance.instance.id) {
                let cluster = try Self.kafka(kafka, logger: logger)
                broker = cluster
                services.append(KafkaService(broker: cluster))
            }
            if roles.contains(.enrollment), let provisioner {
                services.append(provisioner)
                enrollment.onStandingChanged { _, connector, standing in
                    guard standing != .active, let member = MemberID(connector) else { return }
                    provisioner.shutOut(member)
                }
            }
        } else if roles.contains(.broker) {
            let queue = try await DurableBroker.open(path: installation.queuePath, logger: logger)
            broker = queue
            services.append(BrokerService(broker: queue))
            let link = LinkServer(broker: queue, logger: logger) { credential, nonce in
                try await LinkPrincipal(enrollment, credential: credential, nonce: nonce)
            }
            enrollment.onStandingChanged { _, connector, standing in
                guard let member = MemberID(connector), let refusal = LinkRefusal(standing) else { return }
                link.closeLinks(ofMember: member, because: refusal)
            }
            services.append(LinkServerService(link: link))
            upgrade = PortUpgrade(path: "/v1/link", handler: link.accept)
        }
        if let instance, let broker {
            let ledger = try await SubmissionLedger.open(
                path: installation.ledgerPath(ofInstance: name), logger: logger)
            listening = instance.listening(on:)
            services += [instance.network, instance]
            services.append(
                SweepService(
                    name: "ledger", interval: .seconds(60), logger: logger,
                    sweep: { try await ledger.sweep(now: RelayClock.system.now) }, close: { await ledger.close() }))
            let webhooks = RegisteredWebhooks(enrollment.webhooks)
            services.append(
                WebhookSender(
                    ledger: ledger, directory: webhooks, configuration: .init(version: PosternVersion.text),
                    logger: logger))
            let keys = try await DispatcherKeys(
                installation: installation, instance: instance.instance, logger: logger)
            services.append(keys)
            let dispatcher = DispatchService(
                instance: instance.instance.id, boot: instance.boot, broker: broker,
                keys: { keys.keys(for: $0) }, ledger: ledger,
                configuration: DispatcherConfiguration(
                    timing: .init(
                        beat: broker.capabilities.beat, handover: installation.settings.kafka?.handover ?? .zero),
                    version: PosternVersion.text), logger: logger)
            for tenant in try installation.registry.tenants() {
                if let id = TenantID(tenant.id) { dispatcher.tenant(id, named: tenant.slug) }
            }
            services.append(dispatcher)
            let administrators = RegisteredAdministrators(enrollment.administrators)
            let audit = DispatcherAudit(trail: installation.audit, log: Installation.auditLog)
            let api = DispatcherRoutes(
                dispatcher: dispatcher, callers: RegisteredCallers(enrollment.callers),
                administrators: administrators, webhooks: webhooks, deliveries: ledger, instances: instance.network,
                audit: audit)
            routes.append { api.register(on: $0) }
            let orders = ConnectorOrderRoutes(dispatcher: dispatcher, administrators: administrators, audit: audit)
            routes.append { orders.register(on: $0) }
            // Observers are called in the order in which they came: the broker's has closed the links by now.
            enrollment.onStandingChanged { tenant, connector, standing in
                dispatcher.follow(standing, of: connector, in: tenant)
            }
            // Another process may have the enrollment.
            services.append(
                StandingService(
                    feed: StandingFeed(installation: installation, logger: logger), dispatcher: dispatcher))
            enrollment.seePresence { tenant in
                guard let id = TenantID(tenant.id) else { return [:] }
                return dispatcher.tenant(id, named: tenant.slug).standings
            }
        }
        if roles.contains(.enrollment) {
            services.append(
                KeyAuthorityRunner(service: KeyAuthorityService(installation: installation, logger: logger)))
            services.append(
                SweepService(
                    name: "registry", interval: .seconds(600), logger: logger, sweep: { try await enrollment.tidy() }))
            routes.append { enrollment.addRoutes(to: $0) }
        }
        let adders = routes
        let tell = listening
        let registry = installation.registry
        services.append(
            try PortService(
                configuration: Self.port(host, port, try Self.tls(of: installation), limits.port), upgrade: upgrade,
                logger: logger,
                readiness: {
                    do {
                        try await registry.check()
                        return .ready
                    } catch {
                        return .notReady("\(error)")
                    }
                },
                onListening: { number in
                    tell(number)
                    logger.notice(
                        "Tenant is serving",
                        metadata: [
                            "address": "\(host)", "port": "\(number)",
                            "roles": "\(roles.map(\.rawValue).sorted().joined(separator: ","))",
                            "version": "\(PosternVersion.text)",
                        ])
                },
                routes: { router in for add in adders { add(router) } }))
        self.services = services
    }

    private static func kafka(_ configuration: KafkaConfiguration, logger: Logger) throws -> ClusterBroker {
        do {
            let broker = try ClusterBroker(configuration: configuration, clock: .system, logger: logger)
            logger.notice(
                "Kafka is the broker",
                metadata: [
                    "servers": "\(configuration.bootstrap)", "layout": "\(configuration.layout.kind.rawValue)",
                    "library": "librdkafka \(ClusterBroker.libraryVersion)",
                ])
            return broker
        } catch {
            throw CommandFailure(
                .usage,
                "Kafka cannot be used as it is set: \(error.message). 'postern-tenant kafka show' prints the settings.")
        }
    }

    private static func port(
        _ host: String, _ port: Int, _ tls: TLSConfiguration, _ limits: LimitSettings.Port
    ) -> PortService.Configuration {
        .init(
            host: host, port: port, tls: tls, firstRequestTimeout: .seconds(limits.firstRequest),
            idleTimeout: .seconds(limits.idle), bodyTimeout: .seconds(limits.body), largestHead: limits.head,
            maximumConnections: limits.connections)
    }

    private static func tls(of installation: Installation) throws -> TLSConfiguration {
        do {
            let chain = try NIOSSLCertificate.fromPEMBytes(Array(installation.tlsChainPEM.utf8))
            let key = try NIOSSLPrivateKey(bytes: Array(installation.tlsKeyPEM.utf8), format: .pem)
            return .makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        } catch {
            throw CommandFailure(
                .usage,
                "the TLS certificate or its key cannot be used: \(error). Look at tls.pem and tls.key in the"
                    + " state folder.")
        }
    }
}
