internal import EnrollmentProtocol
internal import Foundation
internal import GRDB

/// The administrators of a tenant, by their own credentials.
extension TenantScope {
    /// How many administrators a tenant may have.
    static let mostAdministrators = 100

    /// Makes an administrator and tells the credential, this once.
    func createAdministrator(_ request: AdministratorRequest, at now: Date) async throws -> AdministratorAnswer {
        try Self.requireName(request.name, field: "name")
        var generator = SystemRandomNumberGenerator()
        let secret = SecretToken.random(.administrator, using: &generator)
        let digest = registry.pepper.digest(of: secret)
        let (id, role) = (RegistryID.random(), request.role ?? .administrator)
        return try await database.write { database in
            let names = try String.fetchAll(
                database, sql: "SELECT name FROM administrators WHERE tenant_id = ?", arguments: [tenant.id])
            guard !names.contains(request.name) else {
                throw Refusal(.alreadyExists, "There is an administrator “\(request.name)” already.")
            }
            guard names.count < Self.mostAdministrators else {
                throw Refusal(
                    .limitReached,
                    "A tenant has at most \(Self.mostAdministrators) administrators; withdraw one that nobody uses.")
            }
            try database.execute(
                sql: """
                    INSERT INTO administrators (id, tenant_id, name, digest, role, created_at) VALUES (?, ?, ?, ?, ?, ?)
                    """,
                arguments: [id, tenant.id, request.name, digest, role.rawValue, Stamp(now)])
            return AdministratorAnswer(
                id: id, name: request.name, role: role, createdAt: Stamp(now).date, credential: secret.text)
        }
    }

    func administrators(_ range: PageRange) async throws -> Page<AdministratorAnswer> {
        try await page(range, key: \AdministratorAnswer.id) { database in
            try Row.fetchAll(
                database, sql: "SELECT * FROM administrators WHERE tenant_id = ? AND id > ? ORDER BY id LIMIT ?",
                arguments: [tenant.id, range.after, range.fetchLimit]
            ).map { row in
                AdministratorAnswer(
                    id: row["id"], name: row["name"], role: AdministratorRole(registered: row["role"]),
                    createdAt: (row["created_at"] as Stamp).date)
            }
        }
    }

    /// Withdraws an administrator's credential, but not the last one that may change anything.
    func withdrawAdministrator(_ id: String) async throws {
        try await database.write { database in
            try database.execute(
                sql: "DELETE FROM administrators WHERE tenant_id = ? AND id = ?", arguments: [tenant.id, id])
            guard database.changesCount == 1 else { throw Refusal.notFound("administrator", id) }
            let isLeft = try Bool.fetchOne(
                database,
                sql: "SELECT EXISTS (SELECT 1 FROM administrators WHERE tenant_id = ? AND role = ?)",
                arguments: [tenant.id, AdministratorRole.administrator.rawValue])
            guard isLeft == true else {
                throw Refusal(
                    .inUse, "This is the tenant's last administrator. Make another one first, then withdraw this one.")
            }
        }
    }
}

extension AdministratorRole {
    /// The role of a row; one that this version does not know may only look.
    init(registered text: String) { self = AdministratorRole(rawValue: text) ?? .auditor }
}
