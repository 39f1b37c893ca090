internal import AsyncHTTPClient
internal import BrokerCore
internal import BrokerLink
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

/// A connector put together: identity, queue credential, link, session.
struct ConnectorRuntime {
    let connection: TenantConnection
    /// What renews the certificate; nil for one that only wants to be seen.
    let renewal: CertificateRenewal?
    let credentials: QueueCredentialSource
    let link: LinkClient
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
        let endpoint = connection.endpoint
        let boot = BootID.random()
        let clock = TenantClock()
        self.clock = clock
        let credentials = QueueCredentialSource(
            connection: connection, boot: boot, isObserver: isObserver, logger: logger)
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
        guard first.broker.kind == BrokerEndpoint.embedded.kind, let path = first.broker.path else {
            throw CommandFailure(
                .version, "the tenant uses the broker kind \"\(first.broker.kind)\", which this version does not know",
                advice: "Install a newer version of postern.")
        }
        // Before the first request: its deadline, and whether a kept pause is over, are judged by the tenant's clock.
        if !isObserver, !knowsTime { await Self.learnTime(clock, over: connection) }
        let name = record.shownName
        link = try LinkClient(
            configuration: .init(
                host: endpoint.host, port: endpoint.port, path: path,
                tls: ClientTLS(trust: record.serverTrust, systemAuthorityFile: network.authorityFile).configuration(),
                serverName: endpoint.isAddress ? nil : endpoint.host,
                proxy: network.linkProxy(for: endpoint)),
            logger: logger
        ) { nonce in try await credentials.credential(nonce: nonce) }
        let own = try Self.identity(of: first, boot: boot, name: name, tenantName: record.tenant.slug)
        keys = ConnectorKeys(
            connection: connection, store: store, clock: clock, isObserver: isObserver, logger: logger)
        await keys.handIn()
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
            broker: link, sealing: epochs.keyring, epochs: epochs,
            services: ServiceCatalog(configuration, client: targets),
            configuration: .init(
                inFlight: min(configuration.inFlight, first.limits.inFlight), drain: configuration.drain,
                version: PosternVersion.text, isObserver: isObserver),
            clock: clock.clock, journal: journal, logger: logger)
    }

    /// Learns the tenant's time; returns whether it answered.
    @discardableResult
    private static func learnTime(_ clock: TenantClock, over connection: TenantConnection) async -> Bool {
        let answer = try? await connection.call { http, _ async throws(EnrollmentClientError) in
            try await HeartbeatService.beat(.registered(over: http), clock)
        }
        return answer != nil
    }

    /// How the queue is reached just now.
    var connectivity: Connectivity {
        let present = RelayClock.system.now
        func moment(_ time: RelayTime) -> ContinuousClock.Instant { .now - (present - time) }
        switch link.state {
        case .connecting:
            return .disconnected(reason: "the link is being made", since: .now, attempts: 0)
        case .connected(let since):
            return .connected(since: moment(since))
        case .disconnected(let reason, let since, _) where reason.code == .refused(.frozen):
            return .frozen(since: moment(since))
        case .disconnected(let reason, let since, let attempts):
            return .disconnected(reason: reason.message, since: moment(since), attempts: attempts)
        case .stopped(let reason):
            return .disconnected(reason: reason.message, since: .now, attempts: 0)
        }
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
        await link.close()
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
