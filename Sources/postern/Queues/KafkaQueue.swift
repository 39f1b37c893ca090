internal import BrokerCore
internal import BrokerLink
internal import Connector
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import KafkaBroker
internal import KafkaProxy
internal import KafkaTopology
internal import Logging
internal import RelayFormat
internal import Synchronization

/// A Kafka cluster that tenant and connectors share.
///
/// What the tenant gives out is fetched again at half of its life, and at once when a heartbeat or a renewal of the
/// certificate gives a reason: another password or certificate moves the connections over, and a refusal ends them.
final class KafkaQueue: ConnectorQueue {
    private let kafka: ClusterBroker
    private let credentials: QueueCredentialSource
    private let endpoint: KafkaEndpoint
    private let keys: KafkaKeys
    private let nudges = Mailbox<Void>(capacity: 1)
    private let frozenSince = Mutex<ContinuousClock.Instant?>(nil)
    private let held: Mutex<KafkaKeys.Login>
    private let mover = Mutex<(@Sendable () -> Void)?>(nil)
    /// Leads the library's connections through an HTTP proxy; nil for none.
    private let forwarder: ProxyForwarder?
    private let logger: Logger

    /// Prepares the way; nothing is connected yet.
    ///
    /// - Parameter first: the tenant's first answer, which names the cluster.
    init(
        _ endpoint: KafkaEndpoint, first: QueueCredentialsAnswer, credentials: QueueCredentialSource, keys: KafkaKeys,
        network: NetworkSettings, identity: ConnectorIdentity, logger: Logger
    ) async throws {
        self.credentials = credentials
        self.endpoint = endpoint
        self.keys = keys
        self.logger = logger
        if let flaw = endpoint.layout.flaw {
            throw CommandFailure(
                .version, "the tenant names a layout of Kafka that this version does not know: \(flaw)",
                advice: "Install a newer version of postern.")
        }
        let login = try await keys.login(for: endpoint)
        held = Mutex(login)
        var properties = endpoint.properties
        for name in properties.keys where !KafkaProperties.harmless.contains(name) {
            logger.warning("A setting of Kafka is the tenant's, and not taken", metadata: ["setting": "\(name)"])
            properties[name] = nil
        }
        var limits = KafkaConfiguration.Limits()
        limits.largestPayload = min(max(first.limits.recordBytes, RelayLimits.sealedMessage), limits.largestPayload)
        let proxy = network.kafkaProxy(for: endpoint.bootstrap)
        let forwarder = proxy.map { ProxyForwarder(through: $0, logger: logger) }
        self.forwarder = forwarder
        var route: (@Sendable (String, UInt16) -> UInt16?)?
        if let forwarder { route = { host, port in forwarder.port(to: host, port) } }
        let group = identity.groups.keys.min { "\($0)" < "\($1)" }
        let configuration = KafkaConfiguration(
            bootstrap: endpoint.bootstrap, layout: endpoint.layout, role: .connector,
            group: group.map { GroupPlace(tenant: identity.tenant, group: $0) },
            security: login.security(tokens: keys), clientID: "postern-\(identity.member)", route: route,
            properties: properties, limits: limits)
        do throws(KafkaError) {
            kafka = try ClusterBroker(configuration: configuration, clock: keys.clock.clock, logger: logger)
        } catch {
            throw CommandFailure(
                .usage, "Kafka cannot be used as the tenant describes it: \(error.message)",
                advice: "Tell the tenant's operator; 'postern-tenant kafka show' prints what was set.", reason: "kafka")
        }
    }

    var broker: any Broker { kafka }

    var place: ConnectorStatus.Queue {
        .init(
            kind: "kafka", server: endpoint.bootstrap, security: endpoint.security.mechanism,
            library: "librdkafka \(ClusterBroker.libraryVersion)")
    }

    var advice: String {
        let way = forwarder == nil ? "" : " through the HTTP proxy"
        return "check that this machine reaches Kafka at \(endpoint.bootstrap)\(way), and each server that Kafka names;"
            + " the connector goes on trying"
    }

    var connectivity: Connectivity {
        if let since = frozenSince.withLock({ $0 }) { return .frozen(since: since) }
        let present = keys.clock.clock.now
        func moment(_ time: RelayTime) -> ContinuousClock.Instant { .now - (present - time) }
        switch kafka.standingWithCluster {
        case .connecting:
            return .disconnected(reason: "Kafka is being asked", since: .now, attempts: 0)
        case .connected(let since):
            return .connected(since: moment(since))
        case .disconnected(let reason, let since):
            return .disconnected(reason: "Kafka: \(reason.message)", since: moment(since), attempts: 0)
        case .stopped:
            return .disconnected(reason: "this end closed the connections to Kafka", since: .now, attempts: 0)
        }
    }

    func run() async throws {
        // The library keeps the connections by itself; what is kept here is by what it may make them.
        try await keep()
    }

    func onMove(_ body: @escaping @Sendable () -> Void) { mover.withLock { $0 = body } }

    func lookAgain() { nudges.put(CollectionOfOne(())) }

    func close() async {
        nudges.close()
        await kafka.close()
        await forwarder?.close()
    }

    /// Fetches what the tenant gives out, again and again.
    private func keep() async throws {
        var pause = await credentials.untilRefresh
        while !Task.isCancelled {
            await wait(pause)
            if Task.isCancelled { return }
            do {
                try await take(try await credentials.refreshed())
                pause = await credentials.untilRefresh
            } catch let error as LinkError where error.isFatal {
                throw error
            } catch let error as LinkError where error.code == .refused(.frozen) {
                let isNews = frozenSince.withLock { since in
                    defer { since = since ?? .now }
                    return since == nil
                }
                if isNews { logger.warning("Frozen by the tenant; waiting to be let in again") }
                pause = .milliseconds(.random(in: 3000...6000))
            } catch let failure as CommandFailure {
                throw failure
            } catch {
                logger.warning("Credentials for Kafka are not renewed", metadata: ["reason": "\(error)"])
                pause = .milliseconds(.random(in: 1000...15_000))
            }
        }
    }

    private func take(_ answer: QueueCredentialsAnswer) async throws {
        guard let endpoint = answer.broker.kafka else { return }
        let login = try await keys.login(for: endpoint)
        // What was open while the connector was frozen was denied to it, and ended.
        let isLetIn = frozenSince.withLock { $0 != nil }
        guard isLetIn || held.withLock({ $0 != login }) else { return }
        try await kafka.renew(login.security(tokens: keys))
        frozenSince.withLock { $0 = nil }
        held.withLock { $0 = login }
        mover.withLock { $0 }?()
        logger.info(
            "The connections to Kafka have other credentials", metadata: ["with": "\(endpoint.security.mechanism)"])
    }

    /// Waits for a time, or for whoever has a reason.
    private func wait(_ time: Duration) async {
        // Owned by this call, which cancels it.
        let alarm = Task { [nudges] in
            try await Task.sleep(for: time)
            nudges.put(CollectionOfOne(()))
        }
        _ = await nudges.take()
        alarm.cancel()
    }
}
