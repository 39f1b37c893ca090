internal import Crypto
internal import Foundation
internal import GRDB
internal import RelaySealing

extension TenantScope {
    /// By what a Key Authority's key came after another.
    struct StoredSuccession: Sendable {
        let statement: [UInt8]
        /// The certificate of whoever has countersigned it, in DER.
        let authority: [UInt8]
    }

    /// The tenant with the Key Authority's present key, and how it came to it, oldest first.
    func keyAuthority() async throws -> (Tenant, [StoredSuccession]) {
        try await database.read { database in
            let successions = try Row.fetchAll(
                database, sql: "SELECT * FROM key_successions WHERE tenant_id = ? ORDER BY number",
                arguments: [tenant.id]
            ).map { row in
                StoredSuccession(
                    statement: Array(row["statement"] as Data), authority: Array(row["authority"] as Data))
            }
            return (try Tenant.find(slug: tenant.slug, in: database) ?? tenant, successions)
        }
    }

    /// Puts a key of the Key Authority in the place of the one before.
    ///
    /// - Throws: `alreadyExists` when another one has taken that place meanwhile.
    func succeed(_ succession: KeyAuthoritySuccession, authority: [UInt8], at now: Date) async throws {
        let (old, new) = (tenant.keyAuthority, succession.newKey.pemRepresentation)
        try await registry.write { database in
            try database.execute(
                sql: "UPDATE tenants SET key_authority = ? WHERE id = ? AND key_authority = ?",
                arguments: [new, tenant.id, old])
            guard database.changesCount == 1 else {
                throw EnrollmentServiceError(
                    .alreadyExists, "The Key Authority of “\(tenant.slug)” has another key since a moment ago.")
            }
            try database.execute(
                sql: """
                    INSERT INTO key_successions (tenant_id, number, statement, authority, made_at)
                    SELECT ?1, ifnull(max(number), 0) + 1, ?2, ?3, ?4 FROM key_successions WHERE tenant_id = ?1
                    """,
                arguments: [tenant.id, Data(succession.encoded), Data(authority), Stamp(now)])
        }
    }
}
