internal import EnrollmentProtocol
internal import Foundation
internal import GRDB

extension TenantScope {
    /// How many assertions of one connector may be used before the first of them has ended.
    static let mostAssertions = 512

    /// Whether an assertion was used just now for the first time.
    enum AssertionUse: Sendable {
        case first, repeated, tooMany
    }

    /// Uses an assertion up; remembered on disk until it has ended, so that a restart does not open it again.
    func useAssertion(
        _ assertion: PresentedAssertion, of member: MemberRecord, at now: Date
    ) async throws -> AssertionUse {
        let digest = registry.pepper.digest(of: "\(member.id) \(assertion.id)", label: "client assertion")
        return try await registry.write { database in
            try database.execute(
                sql: "DELETE FROM assertions WHERE tenant_id = ? AND connector_id = ? AND expires_at <= ?",
                arguments: [tenant.id, member.id, Stamp(now)])
            let count = try Int.fetchOne(
                database, sql: "SELECT count(*) FROM assertions WHERE tenant_id = ? AND connector_id = ?",
                arguments: [tenant.id, member.id])
            guard count ?? 0 < Self.mostAssertions else { return .tooMany }
            try database.execute(
                sql: """
                    INSERT OR IGNORE INTO assertions (digest, tenant_id, connector_id, expires_at) VALUES (?, ?, ?, ?)
                    """,
                arguments: [digest, tenant.id, member.id, Stamp(assertion.expiresAt)])
            guard database.changesCount == 1 else { return .repeated }
            if member.isFirstUse { try noteFirstUse(of: member, at: now, in: database) }
            return .first
        }
    }
}
