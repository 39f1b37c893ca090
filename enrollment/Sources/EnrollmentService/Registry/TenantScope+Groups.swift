internal import EnrollmentProtocol
internal import Foundation
internal import GRDB

extension TenantScope {
    func createGroup(_ request: GroupRequest, at now: Date) async throws -> GroupAnswer {
        try Self.requireName(request.name, field: "name")
        return try await database.write { database in
            let taken = try String.fetchOne(
                database, sql: "SELECT id FROM groups WHERE tenant_id = ? AND name = ?",
                arguments: [tenant.id, request.name])
            guard taken == nil else { throw Refusal(.alreadyExists, "There is a group “\(request.name)” already.") }
            let id = RegistryID.random()
            try database.execute(
                sql: "INSERT INTO groups (id, tenant_id, name, created_at) VALUES (?, ?, ?, ?)",
                arguments: [id, tenant.id, request.name, Stamp(now)])
            return GroupAnswer(id: id, name: request.name, createdAt: Stamp(now).date, activeConnectors: 0)
        }
    }

    func groups(_ range: PageRange) async throws -> Page<GroupAnswer> {
        try await page(range, key: \GroupAnswer.name) { database in
            try Self.groupRows(
                database, where: "groups.name > ? ORDER BY groups.name LIMIT ?",
                [tenant.id, range.after, range.fetchLimit])
        }
    }

    func group(named name: String) async throws -> GroupAnswer {
        let found = try await database.read { database in
            try Self.groupRows(database, where: "groups.name = ?", [tenant.id, name]).first
        }
        guard let found else { throw Refusal.notFound("group", name) }
        return found
    }

    func deleteGroup(named name: String) async throws {
        try await database.write { database in
            let id = try String.fetchOne(
                database, sql: "SELECT id FROM groups WHERE tenant_id = ? AND name = ?", arguments: [tenant.id, name])
            guard let id else { throw Refusal.notFound("group", name) }
            let isUsed = try Bool.fetchOne(
                database,
                sql: """
                    SELECT EXISTS (SELECT 1 FROM account_groups WHERE tenant_id = ?1 AND group_id = ?2)
                        OR EXISTS (SELECT 1 FROM api_key_groups WHERE tenant_id = ?1 AND group_id = ?2)
                    """,
                arguments: [tenant.id, id])
            guard isUsed == false else {
                throw Refusal(.inUse, "The group “\(name)” still has accounts or API keys; delete these first.")
            }
            try database.execute(sql: "DELETE FROM groups WHERE tenant_id = ? AND id = ?", arguments: [tenant.id, id])
        }
    }

    private static func groupRows(
        _ database: Database, where condition: String, _ arguments: StatementArguments
    ) throws -> [GroupAnswer] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT groups.*, (
                    SELECT count(*) FROM account_groups
                    JOIN connectors ON connectors.account_id = account_groups.account_id
                    WHERE account_groups.tenant_id = groups.tenant_id AND account_groups.group_id = groups.id
                        AND connectors.tenant_id = groups.tenant_id AND connectors.role = 'connector'
                        AND connectors.revoked_at IS NULL
                ) AS active
                FROM groups WHERE groups.tenant_id = ? AND \(condition)
                """,
            arguments: arguments
        ).map { row in
            let created: Stamp = row["created_at"]
            return GroupAnswer(
                id: row["id"], name: row["name"], createdAt: created.date, activeConnectors: row["active"])
        }
    }
}
