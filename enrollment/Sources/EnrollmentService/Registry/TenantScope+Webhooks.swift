internal import EnrollmentProtocol
internal import Foundation
internal import GRDB
internal import MachineIdentity

extension TenantScope {
    /// How many webhooks a tenant may have.
    static let mostWebhooks = 64

    /// Registers a webhook and tells its secret, this once.
    func createWebhook(_ request: WebhookRequest, at now: Date) async throws -> WebhookAnswer {
        try Self.requireName(request.name, field: "name")
        try WebhookAddress.require(request.url)
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let secret = registry.pepper.webhookSecret(salt: salt)
        return try await database.write { database in
            let taken = try String.fetchOne(
                database, sql: "SELECT id FROM webhooks WHERE tenant_id = ? AND name = ?",
                arguments: [tenant.id, request.name])
            guard taken == nil else { throw Refusal(.alreadyExists, "There is a webhook “\(request.name)” already.") }
            let count = try Int.fetchOne(
                database, sql: "SELECT count(*) FROM webhooks WHERE tenant_id = ?", arguments: [tenant.id])
            guard count ?? 0 < Self.mostWebhooks else {
                throw Refusal(
                    .limitReached, "A tenant has at most \(Self.mostWebhooks) webhooks; delete one that nobody uses.")
            }
            try database.execute(
                sql: "INSERT INTO webhooks (id, tenant_id, name, url, salt, created_at) VALUES (?, ?, ?, ?, ?, ?)",
                arguments: [RegistryID.random(), tenant.id, request.name, request.url, Data(salt), Stamp(now)])
            return WebhookAnswer(
                name: request.name, url: request.url, createdAt: Stamp(now).date, secret: secret.reveal())
        }
    }

    func webhooks(_ range: PageRange) async throws -> Page<WebhookAnswer> {
        try await page(range, key: \WebhookAnswer.name) { database in
            let rows = try Row.fetchAll(
                database, sql: "SELECT * FROM webhooks WHERE tenant_id = ? AND name > ? ORDER BY name LIMIT ?",
                arguments: [tenant.id, range.after, range.fetchLimit])
            return rows.map { row in
                WebhookAnswer(name: row["name"], url: row["url"], createdAt: (row["created_at"] as Stamp).date)
            }
        }
    }

    func deleteWebhook(named name: String) async throws {
        try await database.write { database in
            try database.execute(
                sql: "DELETE FROM webhooks WHERE tenant_id = ? AND name = ?", arguments: [tenant.id, name])
            guard database.changesCount == 1 else { throw Refusal.notFound("webhook", name) }
        }
    }
}

extension Registry {
    /// The webhook of a name within a tenant, with its secret.
    func webhook(named name: String, tenant: String) async throws -> TenantWebhook? {
        try await database.read { database in
            let row = try Row.fetchOne(
                database, sql: "SELECT * FROM webhooks WHERE tenant_id = ? AND name = ?", arguments: [tenant, name])
            return row.map { row in
                TenantWebhook(
                    name: row["name"], url: row["url"], secret: pepper.webhookSecret(salt: Array(row["salt"] as Data)))
            }
        }
    }
}
