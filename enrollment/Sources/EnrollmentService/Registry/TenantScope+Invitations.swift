internal import EnrollmentProtocol
internal import Foundation
internal import GRDB

extension TenantScope {
    static let usualInvitationLifetime = 3600
    static let longestInvitationLifetime = 86400
    static let mostInvitationUses = 100

    /// Makes an enrollment for an account and tells its secret, this once.
    func createEnrollment(
        forAccount name: String, _ request: InvitationRequest, at now: Date
    ) async throws -> (EnrollmentAnswer, SecretToken) {
        let lifetime = request.expiresIn ?? Self.usualInvitationLifetime
        guard (1...Self.longestInvitationLifetime).contains(lifetime) else {
            throw Refusal(
                .malformedRequest, "The field “expires_in” needs 1 to \(Self.longestInvitationLifetime) seconds.")
        }
        let uses = request.uses ?? 1
        guard (1...Self.mostInvitationUses).contains(uses) else {
            throw Refusal(.malformedRequest, "The field “uses” needs 1 to \(Self.mostInvitationUses).")
        }
        let patience = try Self.patience(request)
        var generator = SystemRandomNumberGenerator()
        let secret = SecretToken.random(.enrollment, using: &generator)
        let digest = registry.pepper.digest(of: secret)
        let id = RegistryID.random()
        let (created, expires) = (Stamp(now), Stamp(now.addingTimeInterval(TimeInterval(lifetime))))
        try await database.write { database in
            let account = try String.fetchOne(
                database, sql: "SELECT id FROM accounts WHERE tenant_id = ? AND name = ?", arguments: [tenant.id, name])
            guard let account else { throw Refusal.notFound("account", name) }
            try database.execute(
                sql: """
                    INSERT INTO enrollments (id, tenant_id, account_id, digest, uses, created_at, expires_at,
                        approve_within)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [id, tenant.id, account, digest, uses, created, expires, patience])
        }
        let answer = EnrollmentAnswer(
            id: id, account: name, state: .open, uses: uses, used: 0, createdAt: created.date,
            expiresAt: expires.date, connectors: [], approveWithin: patience)
        return (answer, secret)
    }

    func enrollments(_ range: PageRange, at now: Date) async throws -> Page<EnrollmentAnswer> {
        try await page(range, key: \EnrollmentAnswer.id) { database in
            try enrollmentRows(
                database, where: "enrollments.id > ? ORDER BY enrollments.id LIMIT ?",
                [tenant.id, range.after, range.fetchLimit], at: now)
        }
    }

    func enrollment(_ id: String, at now: Date) async throws -> EnrollmentAnswer {
        let found = try await database.read { database in
            try enrollmentRows(database, where: "enrollments.id = ?", [tenant.id, id], at: now).first
        }
        guard let found else { throw Refusal.notFound("enrollment", id) }
        return found
    }

    /// Ends an enrollment; the connectors that it registered stay.
    func revokeEnrollment(_ id: String, at now: Date) async throws {
        try await database.write { database in
            try database.execute(
                sql: "UPDATE enrollments SET revoked_at = ifnull(revoked_at, ?) WHERE tenant_id = ? AND id = ?",
                arguments: [Stamp(now), tenant.id, id])
            guard database.changesCount == 1 else { throw Refusal.notFound("enrollment", id) }
            try rejectAll(ofEnrollment: id, in: database)
        }
    }

    private func enrollmentRows(
        _ database: Database, where condition: String, _ arguments: StatementArguments, at now: Date
    ) throws -> [EnrollmentAnswer] {
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT enrollments.*, accounts.name AS account FROM enrollments
                JOIN accounts ON accounts.tenant_id = enrollments.tenant_id AND accounts.id = enrollments.account_id
                WHERE enrollments.tenant_id = ? AND \(condition)
                """,
            arguments: arguments)
        return try rows.map { row in
            let id: String = row["id"]
            let connectors = try String.fetchAll(
                database, sql: "SELECT id FROM connectors WHERE tenant_id = ? AND enrollment_id = ? ORDER BY id",
                arguments: [tenant.id, id])
            let grant = EnrollmentGrant(row: row, tenant: tenant, role: .connector)
            return EnrollmentAnswer(
                id: id, account: row["account"], state: grant.state(at: now), uses: row["uses"], used: row["used"],
                createdAt: (row["created_at"] as Stamp).date, expiresAt: (row["expires_at"] as Stamp).date,
                connectors: connectors, approveWithin: grant.approveWithin)
        }
    }
}
