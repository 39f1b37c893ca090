internal import AuditLog
internal import AuditStore
internal import EnrollmentProtocol
internal import Foundation
internal import Hummingbird
internal import RequestLimits
internal import Synchronization
internal import TenantPort

/// What the audit log will say of one call: who makes it is added when that is known, and how it ends in the end.
final class CallRecord: Sendable {
    struct State {
        var actor = AuditEvent.Actor.unknown
        var tenant: Tenant?
        var subject: String?
        var detail: [String: String] = [:]
        /// For whom the credential is meant to be, before it is judged.
        var account: String?
        var intent: AuditFile.Intent?
    }

    let route: AuditedRoute
    let door: ServiceDoor
    let state = Mutex(State())

    init(_ route: AuditedRoute, behind door: ServiceDoor) {
        self.route = route
        self.door = door
    }

    /// Says to what the call does something, where the path does not, and what else is worth keeping; no secrets.
    func concerns(_ subject: String? = nil, _ detail: [String: String] = [:]) {
        state.withLock { state in
            if let subject { state.subject = subject }
            state.detail.merge(detail) { _, new in new }
        }
    }

    /// The log in which it belongs.
    var log: String { state.withLock { $0.tenant?.id } ?? door.log }

    /// What is put on record.
    func event(
        of call: Call, _ outcome: AuditEvent.Outcome, location: String? = nil, _ more: [String: String] = [:]
    ) -> AuditEvent {
        let state = state.withLock { $0 }
        let path = location ?? call.request.uri.path
        return AuditEvent(
            milliseconds: UInt64(max(0, call.now.timeIntervalSince1970 * 1000)), actor: state.actor,
            source: call.context.clientAddress,
            action: route.action ?? "\(call.request.method.rawValue.lowercased()) \(route.limit.rawValue)",
            subject: state.subject ?? String(path.hasPrefix("/v1/") ? path.dropFirst(4) : path.dropFirst()),
            outcome: outcome, detail: state.detail.merging(more) { _, new in new })
    }
}

extension Call {
    /// Says for whom a credential is meant to be, before it is judged: after failures for one account, further tries have
    /// to wait wherever they come from.
    func claims(account: String) throws {
        guard let record else { return }
        record.state.withLock { $0.account = account }
        try record.door.limits.admit(account: account, for: record.route.limit, at: milliseconds)
    }

    /// Says who makes the call, once that is known and before anything is done: they may come too often, and that they
    /// begin is on disk when this returns.
    func enter(as actor: AuditEvent.Actor, of tenant: Tenant) async throws {
        guard let record else { return }
        record.state.withLock { state in
            state.actor = actor
            state.tenant = tenant
        }
        try record.door.admit(actor, self)
        try await record.door.begin(record, self)
    }
}

extension AuditEvent.Actor {
    init(_ administrator: AdministratorPrincipal) {
        self.init(kind: administrator.kind.rawValue, id: administrator.id, name: administrator.name)
    }

    init(_ member: MemberRecord) {
        self.init(kind: member.role.rawValue, id: member.id, name: member.account)
    }

    init(_ grant: EnrollmentGrant) {
        self.init(kind: "enrollment", id: grant.id, name: grant.account)
    }
}
