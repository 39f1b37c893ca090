internal import EnrollmentProtocol
internal import Foundation
internal import GRDB

extension TenantScope {
    /// Makes an API key and tells it, this once.
    func createAPIKey(_ request: APIKeyRequest, at now: Date) async throws -> APIKeyAnswer {
        try Self.check(request)
        var generator = SystemRandomNumberGenerator()
        let secret = SecretToken.random(.apiKey, using: &generator)
        let digest = registry.pepper.digest(of: secret)
        let id = RegistryID.random()
        let scopes = Set(request.scopes ?? [.call]).sorted { $0.rawValue < $1.rawValue }
        let services = request.services.map { Set($0).sorted() }
        let expires = request.expiresIn.map { Stamp(now.addingTimeInterval(TimeInterval($0))) }
        return try await database.write { database in
            let groups = try request.groups.map { try self.groups(named: $0, in: database) }
            try database.execute(
                sql: """
                    INSERT INTO api_keys (id, tenant_id, name, digest, scopes, is_confined, services, created_at,
                        expires_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    id, tenant.id, request.name, digest, scopes.map(\.rawValue).joined(separator: " "), groups != nil,
                    services?.joined(separator: " "), Stamp(now), expires,
                ])
            for group in groups ?? [] {
                try database.execute(
                    sql: "INSERT INTO api_key_groups (tenant_id, key_id, group_id) VALUES (?, ?, ?)",
                    arguments: [tenant.id, id, group.id])
            }
            return APIKeyAnswer(
                id: id, name: request.name, scopes: scopes, groups: groups, services: services,
                createdAt: Stamp(now).date, expiresAt: expires?.date, key: secret.text)
        }
    }

    func apiKeys(_ range: PageRange) async throws -> Page<APIKeyAnswer> {
        try await page(range, key: \APIKeyAnswer.id) { database in
            let rows = try Row.fetchAll(
                database, sql: "SELECT * FROM api_keys WHERE tenant_id = ? AND id > ? ORDER BY id LIMIT ?",
                arguments: [tenant.id, range.after, range.fetchLimit])
            return try rows.map { row in
                let grant = KeyGrant(row: row)
                return APIKeyAnswer(
                    id: grant.id, name: grant.name, scopes: grant.scopes.sorted { $0.rawValue < $1.rawValue },
                    groups: grant.isConfined
                        ? try registry.groups(ofKey: grant.id, tenant: tenant.id, in: database) : nil,
                    services: grant.services?.sorted(), createdAt: (row["created_at"] as Stamp).date,
                    expiresAt: grant.expiresAt?.date)
            }
        }
    }

    func revokeAPIKey(_ id: String) async throws {
        try await database.write { database in
            try database.execute(
                sql: "DELETE FROM api_keys WHERE tenant_id = ? AND id = ?", arguments: [tenant.id, id])
            guard database.changesCount == 1 else { throw Refusal.notFound("API key", id) }
        }
    }

    private static func check(_ request: APIKeyRequest) throws {
        guard (1...255).contains(request.name.utf8.count) else {
            throw Refusal(.malformedRequest, "The field “name” needs 1 to 255 bytes.")
        }
        guard request.scopes?.isEmpty != true else {
            throw Refusal(.malformedRequest, "The field “scopes” needs at least one of: call, admin.")
        }
        for (field, names) in [("groups", request.groups ?? []), ("services", request.services ?? [])] {
            guard names.count <= 100 else {
                throw Refusal(.malformedRequest, "The field “\(field)” may have at most 100 names.")
            }
            for name in names { try requireName(name, field: field) }
        }
        guard (1...315_360_000).contains(request.expiresIn ?? 1) else {
            throw Refusal(.malformedRequest, "The field “expires_in” needs 1 to 315360000 seconds.")
        }
    }
}
