internal import AsyncHTTPClient
internal import BrokerCore
internal import Connector
internal import ConnectorServices
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import Logging
internal import MachineIdentity
internal import RelayFormat
internal import RelayKeys
internal import RequestLedger
internal import ServiceLifecycle

/// A connector put together: identity, queue credential, the way to the queue, session.
struct ConnectorRuntime {
    let connection: TenantConnection
    /// What renews the certificate; nil for one that only wants to be seen.
    let renewal: CertificateRenewal?
    let credentials: QueueCredentialSource
    let queue: any ConnectorQueue
    let session: ConnectorSession
    let keys: ConnectorKeys
    let epochs: EpochKeeper
    let clock: TenantClock
    let targets: HTTPClient
    let journal: ResultJournal?

    /// Puts a connector together; asks the tenant for the first queue credential, again and again until it answers.
    ///
    /// What it gives back has to be closed.
    /// - Parameters:
    ///   - journalPath: where it keeps what it has begun and how it ended; nil for one that only wants to be
    ///   seen, and takes no work.
    ///   - store: where the identity and the keys are; one that takes work has locked the folder, and renews them.
    ///   - waiting: is told why it has to wait.
    /// - Throws: `EnrollmentClientError` for a refusal that trying again cannot mend.
    static func open(
        identity: LoadedIdentity, configuration: ConnectorConfiguration, network: NetworkSettings,
        journalPath: String?, store: FolderIdentityStore, waiting: WaitingRoom? = nil, logger: Logger
    ) async throws -> ConnectorRuntime {
        let connection = try TenantConnection(
            identity: identity, proxies: network.proxies, systemAuthorityFile: network.authorityFile)
        do {
            return try await ConnectorRuntime(
                over: connection, configuration: configuration, network: network, journalPath: journalPath,
                store: store, waiting: waiting, logger: logger)
        } catch {
            await connection.shutdown()
            throw error
        }
    }

    private init(
        over connection: TenantConnection, configuration: ConnectorConfiguration, network: NetworkSettings,
        journalPath: String?, store: FolderIdentityStore, waiting: WaitingRoom?, logger: Logger
    ) async throws {
        let isObserver = journalPath == nil
        self.connection = connection
        let record = connection.identity.record
        let boot = BootID.random()
        let clock = TenantClock()
        self.clock = clock
        let keys = ConnectorKeys(
            connection: connection, store: store, clock: clock, isObserver: isObserver, logger: logger)
        self.keys = keys
        let credentials = QueueCredentialSource(
            connection: connection, boot: boot, isObserver: isObserver, logger: logger
        ) { await keys.handIn() }
        self.credentials = credentials
        if isObserver {
            renewal = nil
        } else {
            let renewal = try CertificateRenewal(
                connection: connection, store: store, clock: clock, logger: logger)
            await renewal.surround { body async throws(EnrollmentClientError) in try await credentials.swapping(body) }
            self.renewal = renewal
        }
        // Whether the certificate has ended is judged by the tenant's clock, where it can be asked.
        var knowsTime = false
        if renewal != nil { knowsTime = await Self.learnTime(clock, over: connection) }
        try await renewal?.settle(waiting)
        let first = try await credentials.first(persistently: !isObserver, renewal: renewal, waiting: waiting)
        // Before the first request: its deadline, and whether a kept pause is over, are judged by the tenant's clock.
        if !isObserver, !knowsTime { await Self.learnTime(clock, over: connection) }
        let name = record.shownName
        let own = try Self.identity(of: first, boot: boot, name: name, tenantName: record.tenant.slug)
        await keys.handIn()
        if let kafka = first.broker.kafka, first.broker.kind == "kafka" {
            queue = try await KafkaQueue(
                kafka, first: first, credentials: credentials,
                keys: KafkaKeys(connection: connection, credentials: credentials, sealing: keys, clock: clock),
                network: network, identity: own, logger: logger)
        } else if let path = first.broker.path, first.broker.kind == BrokerEndpoint.embedded.kind {
            queue = try LinkQueue(
                path: path, at: connection.endpoint,
                tls: ClientTLS(trust: record.serverTrust, systemAuthorityFile: network.authorityFile),
                network: network, credentials: credentials, logger: logger)
        } else {
            throw CommandFailure(
                .version, "the tenant uses the broker kind \"\(first.broker.kind)\", which this version does not know",
                advice: "Install a newer version of postern.")
        }
        epochs = EpochKeeper(
            keyring: Keyring(party: own.party, authority: try await keys.authority()), source: keys,
            clock: clock.clock, logger: logger)
        if let journalPath {
            let time = clock.clock
            do {
                journal = try await ResultJournal.open(path: journalPath, clock: { time.now }, logger: logger)
            } catch {
                throw CommandFailure(
                    .unexpected, "the journal of begun requests cannot be opened: \(error)",
                    advice: "Look at the disk and the owner of the state folder; the journal's file may be moved away.")
            }
        } else {
            journal = nil
        }
        targets = HTTPService.makeClient(connections: configuration.inFlight)
        session = ConnectorSession(
            identity: own,
            broker: queue.broker, sealing: epochs.keyring, epochs: epochs,
            services: ServiceCatalog(configuration, client: targets),
            configuration: .init(
                inFlight: min(configuration.inFlight, first.limits.inFlight), beat: queue.broker.capabilities.beat,
                drain: configuration.drain,
                version: PosternVersion.text, isObserver: isObserver),
            clock: clock.clock, journal: journal, logger: logger)
        queue.onMove { [session] in session.rejoinGroups() }
    }

    /// Learns the tenant's time; returns whether it answered.
    @discardableResult
    private static func learnTime(_ clock: TenantClock, over connection: TenantConnection) async -> Bool {
        let answer = try? await connection.call { http, _ async throws(EnrollmentClientError) in
            try await HeartbeatService.beat(.registered(over: http), clock)
        }
        return answer != nil
    }

    /// A ping through the queue, as the control socket answers it.
    func ping() async -> ControlAnswer.Ping {
        do {
            let (dispatcher, took) = try await session.proveRoundTrip()
            return ControlAnswer.Ping(dispatcher: "\(dispatcher)", milliseconds: took / .milliseconds(1))
        } catch {
            return ControlAnswer.Ping(failure: "\(error)")
        }
    }

    /// Closes what was opened.
    func close() async {
        await queue.close()
        await journal?.close()
        await connection.shutdown()
        try? await targets.shutdown()
    }

    private static func identity(
        of answer: QueueCredentialsAnswer, boot: BootID, name: String, tenantName: String
    ) throws -> ConnectorIdentity {
        guard let tenant = TenantID(answer.places.tenantID), let member = MemberID(answer.places.memberID),
            let bootNumber = UInt64(exactly: answer.bootNumber)
        else {
            throw CommandFailure(
                .unexpected, "the tenant's answer names no places", advice: "Check that both versions fit together.")
        }
        var groups: [GroupID: String] = [:]
        for group in answer.places.groups {
            if let id = GroupID(group.id) { groups[id] = group.name }
        }
        return ConnectorIdentity(
            tenant: tenant, tenantName: tenantName, member: member, name: name, boot: boot, bootNumber: bootNumber,
            groups: groups)
    }
}
