internal import BrokerCore
internal import BrokerLink
internal import EnrollmentService
internal import Logging
internal import RelayDelivery
internal import RequestLedger
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

/// Forgets what a store has kept long enough, again and again, and closes it when all that uses it has ended.
struct SweepService: Service {
    /// What is swept, for the log.
    let name: String
    let interval: Duration
    let logger: Logger
    /// Forgets; returns how many rows.
    let sweep: @Sendable () async throws -> Int
    var close: @Sendable () async -> Void = {}

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await sweepOnce()
                try? await Task.sleep(for: interval)
            }
        }
        await close()
    }

    private func sweepOnce() async {
        do {
            let forgotten = try await sweep()
            guard forgotten > 0 else { return }
            logger.debug("Store swept", metadata: ["store": "\(name)", "rows": "\(forgotten)"])
        } catch {
            logger.warning("Store cannot be swept", metadata: ["store": "\(name)", "reason": "\(error)"])
        }
    }
}

/// Serves the links of connectors.
struct LinkServerService: Service {
    let link: LinkServer

    func run() async throws {
        await cancelWhenGracefulShutdown { await link.run() }
    }
}

/// Cuts the epochs of all groups for as long as the process runs.
struct KeyAuthorityRunner: Service {
    let service: KeyAuthorityService

    func run() async throws {
        await cancelWhenGracefulShutdown { await service.run() }
    }
}
