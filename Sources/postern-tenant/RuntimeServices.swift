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

/// Forgets what the ledger has kept long enough, and closes it when all that uses it has ended.
struct LedgerService: Service {
    private static let interval = Duration.seconds(60)

    let ledger: SubmissionLedger
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await sweep()
                try? await Task.sleep(for: Self.interval)
            }
        }
        await ledger.close()
    }

    private func sweep() async {
        do throws(LedgerError) {
            let forgotten = try await ledger.sweep(now: RelayClock.system.now)
            guard forgotten > 0 else { return }
            logger.debug("Ledger swept", metadata: ["requests": "\(forgotten)"])
        } catch {
            logger.warning("Ledger cannot be swept", metadata: ["reason": "\(error)"])
        }
    }
}

/// Forgets what the registry has kept long enough.
struct HousekeepingService: Service {
    private static let interval = Duration.seconds(600)

    let enrollment: EnrollmentServer
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await tidy()
                try? await Task.sleep(for: Self.interval)
            }
        }
    }

    private func tidy() async {
        do throws(EnrollmentServiceError) {
            let forgotten = try await enrollment.tidy()
            guard forgotten > 0 else { return }
            logger.debug("Registry tidied", metadata: ["rows": "\(forgotten)"])
        } catch {
            logger.warning("Registry cannot be tidied", metadata: ["reason": "\(error)"])
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
