internal import EnrollmentProtocol
internal import Foundation
internal import GRDB
internal import MachineIdentity

/// Registrations that wait for an administrator.
extension TenantScope {
    static let usualPatience = 86_400
    static let longestPatience = 7 * 86_400
    /// How many registrations may wait in a tenant; each invitation bounds its own by its places.
    static let mostPending = 200
    /// For how long it is told of one that was rejected or expired how it ended.
    private static let memory: TimeInterval = 30 * 86_400

    static func patience(_ request: InvitationRequest) throws -> Int? {
        let patience = request.approveWithin ?? usualPatience
        guard (1...longestPatience).contains(patience) else {
            throw Refusal(.malformedRequest, "The field “approve_within” needs 1 to \(longestPatience) seconds.")
        }
        return request.approve == true ? patience : nil
    }

    /// The id under which a registration was approved; nil where none has to be.
    ///
    /// Throws `PendingApproval` while it waits, and refuses what was rejected or has waited too long. The first asking
    /// uses up its place of the enrollment.
    func approval(
        of registration: Registration, key: Data, grant stale: EnrollmentGrant, at now: Date
    ) async throws -> String? {
        guard let patience = stale.approveWithin else { return nil }
        let pending: PendingApproval? = try await database.write { database in
            guard let grant = try registry.grant(id: stale.id, in: database) else { throw Refusal.invalidCredentials }
            if try certified(key: key, grant: grant, at: now, in: database) != nil { return nil }
            if let row = try Row.fetchOne(
                database, sql: "SELECT * FROM pending_connectors WHERE enrollment_id = ? AND key_fingerprint = ?",
                arguments: [grant.id, key])
            {
                return try Self.waiting(row, registration, at: now)
            }
            try requireSameRequest(registration, key: key, grant: grant, at: now, in: database)
            try admit(registration, grant: grant, at: now, in: database)
            try makeRoom(at: now, in: database)
            let id = RegistryID.random()
            let expires = Stamp(now.addingTimeInterval(TimeInterval(patience)))
            try database.execute(
                sql: """
                    INSERT INTO pending_connectors (id, tenant_id, enrollment_id, display_name, address,
                        key_fingerprint, created_at, expires_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    id, tenant.id, grant.id, registration.displayName, registration.address, key, Stamp(now), expires,
                ])
            return PendingApproval(
                id: id, enrollment: grant.id, key: registration.request.keyFingerprint, expiresAt: expires.date,
                isNew: true)
        }
        // Thrown only here: what was written has to stay.
        if let pending { throw pending }
        return try await database.read { database in
            try String.fetchOne(
                database,
                sql: """
                    SELECT id FROM pending_connectors
                    WHERE tenant_id = ? AND enrollment_id = ? AND key_fingerprint = ? AND state = 'approved'
                    """,
                arguments: [tenant.id, stale.id, key])
        }
    }

    /// Ends the waiting of one that was approved, as part of its registration.
    func takeApproved(_ id: String, in database: Database) throws {
        try database.execute(
            sql: "DELETE FROM pending_connectors WHERE tenant_id = ? AND id = ? AND state = 'approved'",
            arguments: [tenant.id, id])
        guard database.changesCount == 1 else {
            throw Refusal(.registrationRejected, "The registration was rejected just now.")
        }
    }

    /// Those that wait now, the oldest first.
    func pendingConnectors(at now: Date) async throws -> Page<PendingConnectorAnswer> {
        try await database.read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT pending_connectors.*, accounts.name AS account FROM pending_connectors
                    JOIN enrollments ON enrollments.tenant_id = pending_connectors.tenant_id
                        AND enrollments.id = pending_connectors.enrollment_id
                    JOIN accounts ON accounts.tenant_id = enrollments.tenant_id
                        AND accounts.id = enrollments.account_id
                    WHERE pending_connectors.tenant_id = ? AND state = 'pending' AND pending_connectors.expires_at > ?
                    ORDER BY pending_connectors.created_at, pending_connectors.id LIMIT ?
                    """,
                arguments: [tenant.id, Stamp(now), Self.mostPending])
            return Page(items: try rows.map(Self.answer))
        }
    }

    /// Approves one that waits: the next time it asks, it is registered; it has as long for that as it had to wait.
    func approveConnector(_ id: String, at now: Date) async throws {
        try await decide(id, at: now) { row, database in
            guard row["state"] == "pending" else { return }
            let patience: Int64 = row["expires_at"] - row["created_at"]
            try database.execute(
                sql: "UPDATE pending_connectors SET state = 'approved', expires_at = ? WHERE tenant_id = ? AND id = ?",
                arguments: [
                    Stamp(now.addingTimeInterval(TimeInterval(patience) / 1000)), tenant.id, id,
                ])
        }
    }

    /// Rejects one that waits, or that was approved and has not come for its certificate.
    func rejectConnector(_ id: String, reason: String?, at now: Date) async throws {
        guard (reason ?? "").utf8.count <= 255 else {
            throw Refusal(.malformedRequest, "The field “reason” may have at most 255 bytes.")
        }
        try await decide(id, at: now) { _, database in
            try database.execute(
                sql: """
                    UPDATE pending_connectors SET state = 'rejected', reason = ? WHERE tenant_id = ? AND id = ?
                    """,
                arguments: [reason, tenant.id, id])
        }
    }

    /// Rejects all that came with an invitation that is withdrawn.
    func rejectAll(ofEnrollment id: String, in database: Database) throws {
        try database.execute(
            sql: """
                UPDATE pending_connectors SET state = 'rejected', reason = 'the invitation was withdrawn'
                WHERE tenant_id = ? AND enrollment_id = ? AND state != 'rejected'
                """,
            arguments: [tenant.id, id])
    }

    private func decide(
        _ id: String, at now: Date, _ body: @escaping @Sendable (Row, Database) throws -> Void
    ) async throws {
        try await database.write { database in
            let row = try Row.fetchOne(
                database,
                sql: "SELECT * FROM pending_connectors WHERE tenant_id = ? AND id = ? AND state != 'rejected'",
                arguments: [tenant.id, id])
            guard let row else { throw Refusal.notFound("connector that waits for approval", id) }
            let end: Stamp = row["expires_at"]
            guard end.date > now else {
                throw Refusal(
                    .enrollmentExpired,
                    "The registration waited until \(RFC3339.text(of: end.date)); make a new invitation.")
            }
            try body(row, database)
        }
    }

    /// What one that asks again is answered; nil when it was approved.
    private static func waiting(
        _ row: Row, _ registration: Registration, at now: Date
    ) throws -> PendingApproval? {
        let end: Stamp = row["expires_at"]
        let state: String = row["state"]
        if state == "rejected" {
            let reason: String? = row["reason"]
            throw Refusal(
                .registrationRejected,
                "An administrator has rejected this registration" + (reason.map { ": \($0)." } ?? "."))
        }
        guard end.date > now else {
            throw Refusal(
                .enrollmentExpired,
                state == "approved"
                    ? "The registration was approved, but not gone on with until \(RFC3339.text(of: end.date))."
                    : "Nobody approved the registration until \(RFC3339.text(of: end.date)).")
        }
        guard state == "pending" else { return nil }
        return PendingApproval(
            id: row["id"], enrollment: row["enrollment_id"], key: registration.request.keyFingerprint,
            expiresAt: end.date, isNew: false)
    }

    /// Forgets what ended long ago, and refuses one more than may wait.
    private func makeRoom(at now: Date, in database: Database) throws {
        try database.execute(
            sql: "DELETE FROM pending_connectors WHERE tenant_id = ? AND expires_at < ?",
            arguments: [tenant.id, Stamp(now.addingTimeInterval(-Self.memory))])
        let waiting = try Int.fetchOne(
            database,
            sql: """
                SELECT count(*) FROM pending_connectors WHERE tenant_id = ? AND state = 'pending' AND expires_at > ?
                """,
            arguments: [tenant.id, Stamp(now)])
        guard waiting ?? 0 < Self.mostPending else {
            throw Refusal(
                .limitReached,
                "\(Self.mostPending) registrations wait for an administrator already; try again when some are decided.")
        }
    }

    private static func answer(_ row: Row) throws -> PendingConnectorAnswer {
        let bytes = row["key_fingerprint"] as Data
        guard let key = KeyFingerprint(bytes: bytes), let pin = Pin(bytes: Array(bytes)) else {
            throw EnrollmentServiceError(.registry, "The registry holds a key fingerprint of another length.")
        }
        return PendingConnectorAnswer(
            id: row["id"], displayName: row["display_name"], account: row["account"],
            enrollment: row["enrollment_id"], keyFingerprint: pin, keyWords: key.words, address: row["address"],
            createdAt: (row["created_at"] as Stamp).date, expiresAt: (row["expires_at"] as Stamp).date)
    }
}
