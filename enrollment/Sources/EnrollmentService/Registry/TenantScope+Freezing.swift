internal import EnrollmentProtocol
internal import Foundation
internal import GRDB

extension TenantScope {
    /// Shuts a connector out until it is let in again.
    ///
    /// - Parameter announce: is called if it was in until now, in the order of such changes, before the next one begins.
    func freezeConnector(
        _ id: String, reason: String?, at now: Date, announce: @escaping @Sendable () -> Void
    ) async throws {
        guard (reason ?? "").utf8.count <= 255 else {
            throw Refusal(.malformedRequest, "The field “reason” may have at most 255 bytes.")
        }
        try await database.write { database in
            guard try requireUnrevoked(id, in: database) == nil else { return }
            try freezeConnector(id, reason: reason ?? "no reason given", at: now, in: database)
            database.afterNextTransaction { _ in announce() }
        }
    }

    /// Lets a frozen connector in again.
    ///
    /// - Parameter announce: is called if it was frozen until now, in the order of such changes.
    func unfreezeConnector(_ id: String, announce: @escaping @Sendable () -> Void) async throws {
        try await database.write { database in
            guard try requireUnrevoked(id, in: database) != nil else { return }
            try database.execute(
                sql: "UPDATE connectors SET frozen_at = NULL, freeze_reason = NULL WHERE tenant_id = ? AND id = ?",
                arguments: [tenant.id, id])
            database.afterNextTransaction { _ in announce() }
        }
    }

    /// Since when a connector is frozen; refuses one that is unknown or revoked for good.
    private func requireUnrevoked(_ id: String, in database: Database) throws -> Stamp? {
        let row = try Row.fetchOne(
            database, sql: "SELECT frozen_at, revoked_at FROM connectors WHERE tenant_id = ? AND id = ?",
            arguments: [tenant.id, id])
        guard let row else { throw Refusal.notFound("connector", id) }
        guard row["revoked_at"] == nil else {
            throw Refusal(.connectorRevoked, "The connector \(id) is revoked; that is for good.")
        }
        return row["frozen_at"]
    }
}
