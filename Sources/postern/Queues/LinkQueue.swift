internal import BrokerCore
internal import BrokerLink
internal import Connector
internal import EnrollmentClient
internal import Logging
internal import RelayFormat

/// The broker that is embedded in the tenant's process, over the link at its port.
struct LinkQueue: ConnectorQueue {
    private let link: LinkClient
    private let credentials: QueueCredentialSource
    private let endpoint: TenantEndpoint
    private let nudges = Mailbox<Void>(capacity: 1)

    init(
        path: String, at endpoint: TenantEndpoint, tls: ClientTLS, network: NetworkSettings,
        credentials: QueueCredentialSource, logger: Logger
    ) throws {
        self.endpoint = endpoint
        self.credentials = credentials
        link = try LinkClient(
            configuration: .init(
                host: endpoint.host, port: endpoint.port, path: path, tls: tls.configuration(),
                serverName: endpoint.isAddress ? nil : endpoint.host, proxy: network.linkProxy(for: endpoint)),
            logger: logger
        ) { nonce in try await credentials.credential(nonce: nonce) }
    }

    var broker: any Broker { link }
    var place: ConnectorStatus.Queue { .init(kind: "embedded", server: endpoint.authority) }
    var advice: String { "check that this machine reaches the tenant's URL; the connector goes on trying" }

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

    func run() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await link.run()
                return true
            }
            group.addTask {
                while await nudges.take() != nil { try await credentials.confirmPlace() }
                return false
            }
            defer { group.cancelAll() }
            // The link alone says when it is over.
            while let isOver = try await group.next(), !isOver {}
        }
    }

    /// A link opens by itself again what was open.
    func onMove(_ body: @escaping @Sendable () -> Void) {}

    /// A tenant that has another queue now has no link any more, and is asked.
    func lookAgain() {
        if case .connected = link.state { return }
        nudges.put(CollectionOfOne(()))
    }

    func close() async {
        nudges.close()
        await link.close()
    }
}
