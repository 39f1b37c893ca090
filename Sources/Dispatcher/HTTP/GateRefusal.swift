internal import AuditLog
internal import RelayFormat
internal import TenantPort

/// Somebody who is not let in, with what is known of them.
struct GateRefusal: Error {
    var response: ProblemResponse
    var tenant: TenantID?
    var actor = AuditEvent.Actor.unknown
}
