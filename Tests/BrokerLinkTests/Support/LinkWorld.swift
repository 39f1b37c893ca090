import BrokerCore
import RelayFormat

@testable import BrokerLink

/// One tenant with one group before a link server, and records as its members would send them.
struct LinkWorld {
    let tenant = TenantID.random()
    let group = GroupID.random()
    let stage: LinkStage
    let broker: any Broker

    init(broker: any Broker = InMemoryBroker(), configuration: LinkServer.Configuration = .init()) async throws {
        self.broker = broker
        stage = try await LinkStage(broker: broker, configuration: configuration)
        try await broker.provision(groupPlace)
    }

    var groupPlace: GroupPlace { GroupPlace(tenant: tenant, group: group) }

    func connector(living: Duration = .seconds(3600)) -> LinkPrincipal {
        LinkStage.principal(.connector, tenant: tenant, groups: [group], living: living)
    }

    func dispatcher() -> LinkPrincipal { LinkStage.principal(.dispatcher, tenant: tenant) }

    /// A record that the principal may send, unless it is changed.
    func record(
        _ kind: MessageKind, from principal: LinkPrincipal, to place: Place, body: [UInt8] = [],
        _ change: (inout RelayHeader) -> Void = { _ in }
    ) -> OutgoingRecord {
        var header = RelayHeader(
            kind: kind, tenant: tenant, group: group, sender: principal.member, boot: principal.boot, sequence: 1,
            message: .random(), issuedAt: RelayClock.system.now)
        change(&header)
        var writer = ByteWriter()
        header.encode(into: &writer)
        writer.write(raw: body)
        return OutgoingRecord(to: place, payload: writer.finish(), expiresAt: RelayClock.system.now + .seconds(60))
    }

    /// A request in the group's queue, put there as a dispatcher in the tenant's process does.
    func request(_ body: [UInt8] = []) -> OutgoingRecord {
        record(.request, from: dispatcher(), to: .group(groupPlace), body: body)
    }

    /// Shows that the link still serves: a connector comes in, takes a request and completes it.
    func expectService() async throws {
        let principal = connector()
        let run = try stage.client(principal)
        let subscription = try await run.client.subscribe(to: groupPlace, as: principal.boot, credit: 1)
        try await broker.send(request())
        guard case .delivered(let deliveries)? = await subscription.next()?.first else {
            throw LinkError(.lost, "nothing was delivered")
        }
        let fenced = try await subscription.complete(deliveries.map(\.token))
        guard fenced.isEmpty else { throw LinkError(.lost, "fenced") }
        await run.stop()
    }
}
