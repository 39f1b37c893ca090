internal import AuditLog
internal import AuditStore
internal import BrokerCore
internal import Connector
internal import Foundation
internal import Logging
internal import RelayFormat

/// Carries out what the control socket is told to do.
struct ConnectorOrders: Sendable {
    let session: ConnectorSession
    let pauseFile: PauseFile
    let clock: TenantClock
    /// How long running requests may take when a drain does not say.
    let drain: Duration
    let audit: ConnectorAudit
    let logger: Logger

    func drain(_ order: ControlOrder.Drain) async throws(ControlRefusal) {
        try check(note: order.note)
        let limit = try duration(order.maxSeconds) ?? drain
        try await record("connector.drain", order.note)
        logger.notice("Told to drain", metadata: ["max_s": "\(limit.components.seconds)", "note": "\(order.note)"])
        session.drain(atMost: limit, note: order.note)
    }

    func pause(_ order: ControlOrder.Pause) async throws(ControlRefusal) {
        try check(note: order.note)
        guard session.standing.readiness != .draining else { throw ControlRefusal("the connector is draining") }
        let until = try duration(order.forSeconds).map { clock.clock.now + $0 }
        try await record("connector.pause", order.note)
        logger.notice("Told to pause", metadata: ["note": "\(order.note)"])
        session.pause(note: order.note, until: until)
        try await keep()
    }

    func resume() async throws(ControlRefusal) {
        guard session.standing.readiness != .draining else { throw ControlRefusal("the connector is draining") }
        try await record("connector.resume", "")
        logger.notice("Told to resume")
        session.resume()
        try await keep()
    }

    /// Puts on disk what will be done; without that nothing is done.
    private func record(_ action: String, _ note: String) async throws(ControlRefusal) {
        do {
            try await audit.record(action, by: .init(kind: "operator"), on: "connector", ["note": note])
        } catch {
            throw ControlRefusal("nothing is done, since it cannot be put on record: \(error)")
        }
    }

    private func keep() async throws(ControlRefusal) {
        do {
            try await pauseFile.save()
        } catch {
            throw ControlRefusal("it is done, but a restart would forget it: \(error)")
        }
    }

    private func check(note: String) throws(ControlRefusal) {
        guard note.utf8.count <= RelayLimits.note else {
            throw ControlRefusal("a note has at most \(RelayLimits.note) bytes")
        }
    }

    private func duration(_ seconds: Double?) throws(ControlRefusal) -> Duration? {
        guard let seconds else { return nil }
        guard seconds > 0, seconds <= 366 * 86_400 else {
            throw ControlRefusal("a time is more than 0 and at most 366 days")
        }
        return .seconds(seconds)
    }
}
