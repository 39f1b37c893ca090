internal import EnrollmentProtocol
internal import Foundation
internal import GRDB

extension TenantScope {
    func createAccount(_ request: AccountRequest, at now: Date) async throws -> AccountAnswer {
        try Self.requireName(request.name, field: "name")
        let names = request.groups ?? []
        guard names.count <= 100 else {
            throw Refusal(.malformedRequest, "The field “groups” may have at most 100 names.")
        }
        let role = request.role ?? .connector
        return try await database.write { database in
            let taken = try String.fetchOne(
                database, sql: "SELECT id FROM accounts WHERE tenant_id = ? AND name = ?",
                arguments: [tenant.id, request.name])
            guard taken == nil else { throw Refusal(.alreadyExists, "There is an account “\(request.name)” already.") }
            let groups = try groups(named: names, in: database)
            let id = RegistryID.random()
            try database.execute(
                sql: "INSERT INTO accounts (id, tenant_id, name, role, created_at) VALUES (?, ?, ?, ?, ?)",
                arguments: [id, tenant.id, request.name, role.rawValue, Stamp(now)])
            for group in groups {
                try database.execute(
                    sql: "INSERT INTO account_groups (tenant_id, account_id, group_id) VALUES (?, ?, ?)",
                    arguments: [tenant.id, id, group.id])
            }
            return AccountAnswer(
                name: request.name, role: role, groups: groups, createdAt: Stamp(now).date, activeConnectors: 0)
        }
    }

    func accounts(_ range: PageRange) async throws -> Page<AccountAnswer> {
        try await page(range, key: \AccountAnswer.name) { database in
            try accountRows(
                database, where: "accounts.name > ? ORDER BY accounts.name LIMIT ?",
                [tenant.id, range.after, range.fetchLimit])
        }
    }

    func account(named name: String) async throws -> AccountAnswer {
        let found = try await database.read { database in
            try accountRows(database, where: "accounts.name = ?", [tenant.id, name]).first
        }
        guard let found else { throw Refusal.notFound("account", name) }
        return found
    }

    /// Deletes an account that has no active connectors, with its invitations.
    func deleteAccount(named name: String) async throws {
        try await database.write { database in
            let account = try accountRows(database, where: "accounts.name = ?", [tenant.id, name]).first
            guard let account else { throw Refusal.notFound("account", name) }
            guard account.activeConnectors == 0 else {
                throw Refusal(
                    .inUse,
                    "The account “\(name)” still has \(account.activeConnectors) active connectors; revoke them first.")
            }
            try database.execute(
                sql: "DELETE FROM accounts WHERE tenant_id = ? AND name = ?", arguments: [tenant.id, name])
        }
    }

    private func accountRows(
        _ database: Database, where condition: String, _ arguments: StatementArguments
    ) throws -> [AccountAnswer] {
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT accounts.*, (
                    SELECT count(*) FROM connectors
                    WHERE connectors.tenant_id = accounts.tenant_id AND connectors.account_id = accounts.id
                        AND connectors.revoked_at IS NULL
                ) AS active
                FROM accounts WHERE accounts.tenant_id = ? AND \(condition)
                """,
            arguments: arguments)
        return try rows.map { row in
            let created: Stamp = row["created_at"]
            return AccountAnswer(
                name: row["name"], role: try Self.role(row["role"]),
                groups: try groups(ofAccount: row["id"], in: database),
                createdAt: created.date, activeConnectors: row["active"])
        }
    }

    static func role(_ text: String) throws -> AccountRole {
        guard let role = AccountRole(rawValue: text) else {
            throw EnrollmentServiceError(
                .registry, "The registry names a role “\(text)” that this version does not know.")
        }
        return role
    }
}
