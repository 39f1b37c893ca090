internal import AuditLog
internal import AuditStore
internal import Connector
internal import Crypto
internal import EnrollmentProtocol
internal import Foundation
internal import IdentityStore
internal import Logging

/// What the connector puts on record, on its own disk: the customer's proof of what the tenant asked for.
struct ConnectorAudit: Sendable {
    /// The name of the one log in the file.
    static let log = "connector"

    let trail: AuditTrail

    /// Opens the file in a state folder.
    static func open(_ state: StateOptions, logger: Logger) async throws -> ConnectorAudit {
        do {
            let file = try await AuditFile.open(path: state.audit, logger: logger)
            return ConnectorAudit(
                trail: AuditTrail(
                    file: file, logger: logger, now: { UInt64(max(0, Date().timeIntervalSince1970 * 1000)) }))
        } catch {
            throw CommandFailure(
                .unexpected, error.message, advice: "Look at the disk and at the owner of the state folder.",
                reason: "audit-unavailable")
        }
    }

    /// What stands for a configuration file: its SHA-256.
    static func hash(ofConfiguration path: String) -> String {
        let data = FileManager.default.contents(atPath: path) ?? Data()
        return SHA256.hash(data: data).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }

    /// Puts an act on record; it is on disk when this returns.
    func record(
        _ action: String, by actor: AuditEvent.Actor = .service, on subject: String = "",
        _ detail: [String: String] = [:]
    ) async throws(AuditStoreError) {
        try await trail.record([event(action, by: actor, on: subject, .done, detail)], in: Self.log)
    }

    /// Puts on record what a session tells; never waits.
    func note(_ event: ConnectorEvent, tenant: String, configuration: String) {
        switch event {
        case .ordered(let order, let sender, let note):
            trail.recordSoon(
                self.event(
                    "connector.\(order)", by: .init(kind: "tenant", id: sender, name: tenant), on: "connector", .done,
                    ["note": note]), in: Self.log)
        case .denied(let service, let method, let target, let reason):
            let (path, shape) = (target.prefix { $0 != "?" && $0 != "#" }, Self.shape(of: target))
            // Words of a path may be somebody's secrets.
            let reason = reason.replacing(path, with: shape)
            trail.note(
                self.event(
                    "policy.deny", by: .init(kind: "tenant", name: tenant), on: "services/\(service)", .refused,
                    ["method": method, "path": shape, "reason": reason, "configuration": configuration]),
                in: Self.log, alike: "\(service) \(method) \(shape)")
        }
    }

    private func event(
        _ action: String, by actor: AuditEvent.Actor, on subject: String, _ outcome: AuditEvent.Outcome,
        _ detail: [String: String]
    ) -> AuditEvent {
        AuditEvent(
            milliseconds: trail.present, actor: actor, action: action, subject: subject, outcome: outcome,
            detail: detail)
    }

    /// A path without its query, with `*` for what is an id or may be a secret, so that a thousand ids are one kind:
    /// numbers, long words, and words of eight characters or more with a digit in them.
    static func shape(of target: String) -> String {
        let path = target.prefix { $0 != "?" && $0 != "#" }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        let shaped = segments.prefix(9).map { segment -> Substring in
            let isID =
                segment.utf8.count > 24 || segment.contains("%")
                || (segment.utf8.count >= 8 && segment.contains { $0.isNumber })
                || (!segment.isEmpty && segment.allSatisfy { $0.isNumber || $0 == "-" })
            return isID ? "*" : segment
        }
        return shaped.joined(separator: "/") + (segments.count > 9 ? "/**" : "")
    }

    // MARK: Heads

    /// What to tell the tenant in a heartbeat; nil where the file cannot be read, which the log tells elsewhere.
    func heads(for tenant: TenantReference) async -> AuditHeadsMessage? {
        guard let heads = try? await trail.heads(for: tenant.id, in: Self.log) else { return nil }
        return AuditHeadsMessage(own: heads.own, kept: heads.kept)
    }

    /// Keeps what the tenant has told.
    func take(_ message: AuditHeadsMessage?, from tenant: TenantReference) async throws(AuditStoreError) {
        guard let message, let own = message.own.head else { return }
        try await trail.take(
            .init(own: own, kept: message.kept?.head), from: .init(kind: "tenant", id: tenant.id, name: tenant.slug),
            in: Self.log)
    }
}
