internal import Connector
internal import EnrollmentClient
internal import EnrollmentProtocol
internal import Foundation
internal import Logging
internal import RelayFormat
internal import RelayKeys
internal import ServiceLifecycle

/// Tells the tenant that the connector lives, and learns the tenant's time from the answers.
struct HeartbeatService: Service {
    /// One heartbeat, from whose answer the clock learns.
    @discardableResult
    static func beat(
        _ calls: EnrollmentCalls, _ clock: TenantClock, _ audit: AuditHeadsMessage? = nil
    ) async throws(EnrollmentClientError) -> HeartbeatAnswer {
        let asked = ContinuousClock.now
        let answer = try await calls.heartbeat(version: PosternVersion.text, audit: audit)
        clock.learn(answer.serverTime, asked: asked)
        return answer
    }

    let connection: TenantConnection
    let clock: TenantClock
    let audit: ConnectorAudit
    let keys: ConnectorKeys
    let epochs: EpochKeeper
    let queue: any ConnectorQueue
    let tenant: TenantReference
    let logger: Logger

    private func keep(_ heads: AuditHeadsMessage?) async {
        do {
            try await audit.take(heads, from: tenant)
        } catch {
            logger.error("Audit file cannot be written", metadata: ["reason": "\(error)"])
        }
    }

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            var wasReached = true
            var interval = 60
            while !Task.isCancelled {
                do throws(EnrollmentClientError) {
                    let heads = await audit.heads(for: tenant)
                    let answer = try await connection.call { http, _ async throws(EnrollmentClientError) in
                        try await Self.beat(.registered(over: http), clock, heads)
                    }
                    interval = min(max(answer.interval, 5), 3600)
                    await keep(answer.audit)
                    await keys.handIn(known: answer.hpkeKeys)
                    for epoch in answer.epochs ?? [] {
                        guard let group = GroupID(epoch.group) else { continue }
                        _ = await epochs.wait(for: group, epoch: epoch.epoch, within: .seconds(2))
                    }
                    if abs(clock.localDrift / .seconds(1)) > 30 {
                        logger.warning(
                            "This machine's clock is off; the tenant's time is used",
                            metadata: ["ahead_s": "\(Int(clock.localDrift / .seconds(1)))"])
                    }
                    if case .disconnected = queue.connectivity { queue.lookAgain() }
                    if !wasReached { logger.notice("Heartbeat is answered again") }
                    wasReached = true
                } catch {
                    // A queue that asks nobody for each connection does not know who is kept out.
                    if [.rejected, .frozen, .replaced, .superseded].contains(error.code) { queue.lookAgain() }
                    if wasReached { logger.warning("Heartbeat not answered", metadata: ["reason": "\(error)"]) }
                    wasReached = false
                }
                try await Task.sleep(for: .seconds(interval))
            }
        }
    }
}
