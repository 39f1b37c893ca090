internal import BrokerCore
internal import BrokerLink
internal import SQLiteBroker
internal import ServiceLifecycle

/// Keeps the embedded broker's time, and closes it when all that uses it has ended.
struct BrokerService: Service {
    let broker: DurableBroker

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await broker.run() }
        await broker.close()
    }
}

/// Serves the links of connectors.
struct LinkServerService: Service {
    let link: LinkServer

    func run() async throws {
        await cancelWhenGracefulShutdown { await link.run() }
    }
}
