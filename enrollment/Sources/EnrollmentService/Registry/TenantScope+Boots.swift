internal import EnrollmentProtocol
internal import Foundation
internal import GRDB

extension TenantScope {
    /// How many boots of a member are remembered; an older one that asks again counts as a new one.
    static let rememberedBoots = 1000

    /// The number of a boot: one more than any before it, and the same however often the boot asks.
    func bootNumber(of boot: String, member: String) async throws -> Int64 {
        try await registry.write { database in
            let known = try Int64.fetchOne(
                database, sql: "SELECT number FROM boots WHERE tenant_id = ? AND member_id = ? AND boot_id = ?",
                arguments: [tenant.id, member, boot])
            if let known { return known }
            let last =
                try Int64.fetchOne(
                    database, sql: "SELECT max(number) FROM boots WHERE tenant_id = ? AND member_id = ?",
                    arguments: [tenant.id, member]) ?? 0
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
