internal import EnrollmentProtocol
internal import Foundation
internal import GRDB

extension TenantScope {
    /// How many boots of a member are remembered; an older one that asks again counts as a new one.
    static let rememberedBoots = 1000

    /// The number of a boot: one more than any before it, and the same however often the boot asks.
    ///
    /// A boot that has a newer one beside it is refused: of two processes of one identity the newer wins.
    func bootNumber(of boot: String, member: String) async throws -> Int64 {
        try await registry.write { database in
            let known = try Int64.fetchOne(
                database, sql: "SELECT number FROM boots WHERE tenant_id = ? AND member_id = ? AND boot_id = ?",
                arguments: [tenant.id, member, boot])
            let last = try registry.newestBoot(of: member, tenant: tenant.id, in: database)
            if let known {
                guard known == last else {
                    throw Refusal(
                        .bootReplaced,
                        "This is start \(known) of the connector, and start \(last) has asked for a credential since:"
                            + " another process with this identity has taken its place.")
                }
                return known
            }
            try database.execute(
                sql: "INSERT INTO boots (tenant_id, member_id, boot_id, number) VALUES (?, ?, ?, ?)",
                arguments: [tenant.id, member, boot, last + 1])
            try database.execute(
                sql: "DELETE FROM boots WHERE tenant_id = ? AND member_id = ? AND number <= ?",
                arguments: [tenant.id, member, last + 1 - Int64(Self.rememberedBoots)])
            return last + 1
        }
    }
}

extension Registry {
    /// The number of a member's newest boot; 0 if it has had none.
    func newestBoot(of member: String, tenant: String) async throws -> Int64 {
        try await database.read { try newestBoot(of: member, tenant: tenant, in: $0) }
    }

    func newestBoot(of member: String, tenant: String, in database: Database) throws -> Int64 {
        try Int64.fetchOne(
            database, sql: "SELECT max(number) FROM boots WHERE tenant_id = ? AND member_id = ?",
            arguments: [tenant, member]) ?? 0
    }
}
