internal import Connector
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import MachineIdentity
internal import RelayKeys
internal import ServiceLifecycle

/// Renews the certificate of the running connector when it is time.
struct RenewalService: Service {
    /// A machine that slept, a clock that was set, and an attempt that somebody has ordered are noticed after this time
    /// at the latest.
    private static let longestSleep: TimeInterval = 1

    private let renewal: CertificateRenewal?
    private let connection: TenantConnection
    private let clock: TenantClock
    private let metrics: CertificateMetrics
    private let keys: ConnectorKeys
    private let epochs: EpochKeeper
    private let queue: any ConnectorQueue

    init(_ runtime: ConnectorRuntime) {
        renewal = runtime.renewal
        connection = runtime.connection
        clock = runtime.clock
        keys = runtime.keys
        epochs = runtime.epochs
        queue = runtime.queue
        metrics = CertificateMetrics(connector: runtime.connection.identity.record.shownName)
    }

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await renew() }
    }

    private func renew() async throws {
        var counted = await renewal?.standing.last
        var sealedFor = connection.identity.key.fingerprint
        while !Task.isCancelled {
            if connection.hasEnded { await renewal?.noteEnd() }
            let next = await renewal?.advance()
            if connection.identity.key.fingerprint != sealedFor {
                sealedFor = connection.identity.key.fingerprint
                await keys.handIn()
                queue.lookAgain()
            }
            // Also where a renewal was finished before this service began.
            await epochs.seek(connection.identity.key.publicKey)
            if let standing = await renewal?.standing {
                let record = standing.record
                metrics.tell(
                    generation: record.generation, notAfter: record.notAfter, renewAt: record.renewAt,
                    recoveryEnds: record.recoveryEnds)
                if let last = standing.last, last != counted {
                    CertificateMetrics.Outcome(rawValue: last.outcome.rawValue).map(metrics.count)
                    counted = last
                }
                if let halt = standing.machine.halt { throw CommandFailure(halt, standing) }
            }
            let pause = next.map { max(0.05, $0.timeIntervalSince(clock.now)) } ?? Self.longestSleep
            do { try await Task.sleep(for: .seconds(min(pause, Self.longestSleep))) } catch { return }
        }
    }
}
