internal import EnrollmentProtocol
internal import Foundation
internal import GRDB
internal import MachineIdentity

extension TenantScope {
    func connectors(_ range: PageRange) async throws -> Page<ConnectorAnswer> {
        try await page(range, key: \ConnectorAnswer.id) { database in
            try connectorRows(
                database, where: "connectors.id > ? ORDER BY connectors.id LIMIT ?",
                [tenant.id, range.after, range.fetchLimit])
        }
    }

    func connector(_ id: String) async throws -> ConnectorAnswer {
        let found = try await database.read { database in
            try connectorRows(database, where: "connectors.id = ?", [tenant.id, id]).first
        }
        guard let found else { throw Refusal.notFound("connector", id) }
        return found
    }

    /// Revokes a connector for good: its certificates and their keys are on the denylist from here on.
    ///
    /// - Returns: whether it was active until now.
    func revokeConnector(_ id: String, reason: String?, at now: Date) async throws -> Bool {
        guard (reason ?? "").utf8.count <= 255 else {
            throw Refusal(.malformedRequest, "The field “reason” may have at most 255 bytes.")
        }
        return try await database.write { database in
            let row = try Row.fetchOne(
                database, sql: "SELECT revoked_at FROM connectors WHERE tenant_id = ? AND id = ?",
                arguments: [tenant.id, id])
            guard let row else { throw Refusal.notFound("connector", id) }
            guard row["revoked_at"] == nil else { return false }
            try database.execute(
                sql: "UPDATE connectors SET revoked_at = ?, revocation_reason = ? WHERE tenant_id = ? AND id = ?",
                arguments: [Stamp(now), reason, tenant.id, id])
            try database.execute(
                sql: """
                    INSERT OR IGNORE INTO denylist (tenant_id, kind, value, connector_id, added_at, expires_at)
                    SELECT tenant_id, 'serial', serial, connector_id, ?1, not_after FROM certificates
                    WHERE tenant_id = ?2 AND connector_id = ?3
                    UNION ALL
                    SELECT tenant_id, 'key', lower(hex(key_fingerprint)), connector_id, ?1, not_after + ?4
                    FROM certificates WHERE tenant_id = ?2 AND connector_id = ?3
                    """,
                arguments: [Stamp(now), tenant.id, id, registry.keyDenial])
            try registry.pruneDenylist(at: now, in: database)
            return true
        }
    }

    /// Shuts a connector out, within a transaction of the caller's; one that is frozen or revoked stays as it is.
    func freezeConnector(_ id: String, reason: String, at now: Date, in database: Database) throws {
        try database.execute(
            sql: """
                UPDATE connectors SET frozen_at = ?, freeze_reason = ?
                WHERE tenant_id = ? AND id = ? AND frozen_at IS NULL AND revoked_at IS NULL
                """,
            arguments: [Stamp(now), reason, tenant.id, id])
    }

    /// Notes that a connector was heard of.
    func noteHeartbeat(of id: String, version: String?, at now: Date) async throws {
        try await registry.write { database in
            try database.execute(
                sql: """
                    UPDATE connectors SET last_seen_at = ?, version = ifnull(?, version) WHERE tenant_id = ? AND id = ?
                    """,
                arguments: [Stamp(now), version, tenant.id, id])
        }
    }

    private static func state(_ row: Row) -> ConnectorState {
        row["revoked_at"] != nil ? .revoked : row["frozen_at"] != nil ? .frozen : .active
    }

    private func connectorRows(
        _ database: Database, where condition: String, _ arguments: StatementArguments
    ) throws -> [ConnectorAnswer] {
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT connectors.*, (
                    SELECT max(number) FROM boots
                    WHERE boots.tenant_id = connectors.tenant_id AND boots.member_id = connectors.id
                ) AS boots
                FROM connectors WHERE connectors.tenant_id = ? AND \(condition)
                """,
            arguments: arguments)
        return try rows.map { row in
            guard let key = Pin(bytes: Array(row["key_fingerprint"] as Data)) else {
                throw EnrollmentServiceError(.registry, "The registry holds a key fingerprint of another length.")
            }
            return ConnectorAnswer(
                id: row["id"], displayName: row["display_name"], account: row["account"],
                role: try Self.role(row["role"]), state: Self.state(row),
                groups: try groups(ofAccount: row["account_id"], in: database), generation: row["generation"],
                keyFingerprint: key, createdAt: (row["created_at"] as Stamp).date,
                notAfter: (row["not_after"] as Stamp).date, lastSeenAt: (row["last_seen_at"] as Stamp?)?.date,
                version: row["version"], boots: row["boots"] ?? 0, revokedAt: (row["revoked_at"] as Stamp?)?.date,
                revocationReason: row["revocation_reason"], frozenAt: (row["frozen_at"] as Stamp?)?.date,
                freezeReason: row["freeze_reason"], machineChangedAt: (row["machine_changed_at"] as Stamp?)?.date)
        }
    }
}
