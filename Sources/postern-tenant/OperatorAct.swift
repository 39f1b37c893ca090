internal import AuditLog
internal import AuditStore
internal import EnrollmentService
internal import Foundation

/// Something that the operator does on the tenant's own machine, and the rows that it leaves.
///
/// It is on disk as begun before it is done. How it ended stands in the installation's log and, since connectors keep
/// the heads of those, in the log of every tenant.
struct OperatorAct {
    let installation: Installation

    /// Does something and puts it on record.
    ///
    /// - Parameters:
    ///   - action: what it is, as in `keys.rotate`.
    ///   - subject: to what it is done.
    ///   - detail: what else is worth keeping of what came out; no secrets.
    func perform<Value>(
        _ action: String, on subject: String, detail: (Value) -> [String: String] = { _ in [:] },
        _ body: () async throws -> Value
    ) async throws -> Value {
        let file = installation.audit.file
        let intent = try await file.begin(event(action, subject, .interrupted), in: Installation.auditLog)
        let value: Value
        do {
            value = try await body()
        } catch {
            try await file.end(intent, as: event(action, subject, .failed))
            throw error
        }
        let done = event(action, subject, .done, detail(value))
        try await file.end(intent, as: done)
        for tenant in try installation.registry.tenants() { try await file.append([done], to: tenant.id) }
        return value
    }

    private func event(
        _ action: String, _ subject: String, _ outcome: AuditEvent.Outcome, _ detail: [String: String] = [:]
    ) -> AuditEvent {
        AuditEvent(
            milliseconds: installation.audit.present, actor: .machineUser, action: action, subject: subject,
            outcome: outcome, detail: detail)
    }
}

extension AuditEvent.Actor {
    /// Who runs this program, as the system knows them; behind sudo, who has asked for it.
    static var machineUser: Self {
        let asker = ProcessInfo.processInfo.environment["SUDO_USER"].map { " (sudo by \($0))" } ?? ""
        return Self(kind: "operator", id: "uid \(getuid())", name: ProcessInfo.processInfo.userName + asker)
    }
}
