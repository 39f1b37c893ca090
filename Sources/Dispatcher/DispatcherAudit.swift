internal import AuditLog
public import AuditStore
internal import Foundation
internal import HTTPProblems
internal import RelayFormat
internal import TenantPort

/// Puts on record what people do to requests and connectors, and who was not let in.
public struct DispatcherAudit: Sendable {
    let trail: AuditTrail
    /// The log of whatever belongs to no tenant; the others are named by their tenants' ids.
    let log: String

    /// Joins the dispatcher with the audit logs.
    public init(trail: AuditTrail, log: String) {
        self.trail = trail
        self.log = log
    }

    /// Does something that changes what others see: on disk before it begins, and how it ended before the answer leaves.
    ///
    /// - Throws: a `ProblemResponse` of 503 where it cannot be put on record; then nothing is done.
    static func act<Value: Sendable>(
        _ audit: DispatcherAudit?, _ action: String, on subject: String, by actor: AuditEvent.Actor,
        in tenant: TenantID, _ context: PortContext, _ detail: [String: String] = [:],
        _ body: () async throws -> Value
    ) async throws -> Value {
        guard let audit else { return try await body() }
        var event = AuditEvent(
            milliseconds: audit.trail.present, actor: actor, source: context.clientAddress, action: action,
            subject: subject, outcome: .interrupted,
            detail: detail.merging(["request": context.requestID]) { first, _ in first })
        let intent: AuditFile.Intent
        do {
            intent = try await audit.trail.file.begin(event, in: "\(tenant)")
        } catch {
            throw unwritable
        }
        let value: Value
        do {
            value = try await body()
        } catch {
            event.outcome = error is ProblemResponse ? .refused : .failed
            if let problem = error as? ProblemResponse { event.detail["problem"] = problem.problem.code }
            try? await audit.trail.file.end(intent, as: event)
            throw error
        }
        event.outcome = .done
        do {
            try await audit.trail.file.end(intent, as: event)
        } catch {
            throw unwritable
        }
        return value
    }

    /// Notes that somebody was not let in, the same ones of a minute as one row and a count.
    func note(_ refusal: GateRefusal, _ method: String, _ path: String, _ context: PortContext) {
        let event = AuditEvent(
            milliseconds: trail.present, actor: refusal.actor, source: context.clientAddress,
            action: "\(method.lowercased()) dispatcher", subject: path, outcome: .refused,
            detail: ["problem": refusal.response.problem.code, "request": context.requestID])
        trail.note(
            event, in: refusal.tenant.map { "\($0)" } ?? log,
            alike:
                "\(event.source) \(event.actor.kind) \(event.actor.id) \(event.action) \(refusal.response.problem.code)"
        )
    }

    private static var unwritable: ProblemResponse {
        ProblemResponse(
            ProblemDetails(
                code: "not-ready", title: "The service is not ready.", status: 503,
                detail: "The audit log cannot be written, and nothing is changed without it.", retryable: true,
                retryAfter: 5))
    }
}

extension AuditEvent.Actor {
    init(_ administrator: Administrator) {
        self.init(kind: "administrator", id: administrator.id, name: administrator.name)
    }

    /// Who looks at requests: an application by its key, or an administrator by name.
    init(_ viewer: Caller) {
        self.init(kind: "caller", id: viewer.keyID)
    }
}
