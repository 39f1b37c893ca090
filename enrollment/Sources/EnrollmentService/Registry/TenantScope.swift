internal import EnrollmentProtocol
internal import Foundation
internal import GRDB
internal import MachineIdentity

/// The part of the registry that belongs to one tenant.
///
/// Only an authenticated credential makes one; every query of its extensions names `tenant.id`, so that whatever a
/// path or a body says, nothing of another tenant is found.
struct TenantScope: Sendable {
    let registry: Registry
    let tenant: Tenant

    var database: DatabasePool { registry.database }

    /// Reads a part of a list that is ordered by a text column.
    func page<Item: Codable & Sendable>(
        _ range: PageRange, key: (Item) -> String,
        _ fetch: @escaping @Sendable (Database) throws -> [Item]
    ) async throws -> Page<Item> {
        var items = try await database.read(fetch)
        guard items.count > range.limit else { return Page(items: items) }
        items.removeLast(items.count - range.limit)
        return Page(items: items, next: items.last.map(key))
    }

    /// The groups that an account's connectors join.
    func groups(ofAccount id: String?, in database: Database) throws -> [GroupReference] {
        guard let id else { return [] }
        return try Row.fetchAll(
            database,
            sql: """
                SELECT groups.id, groups.name FROM account_groups
                JOIN groups ON groups.id = account_groups.group_id AND groups.tenant_id = account_groups.tenant_id
                WHERE account_groups.tenant_id = ? AND account_groups.account_id = ? ORDER BY groups.name
                """,
            arguments: [tenant.id, id]
        ).map { GroupReference(id: $0["id"], name: $0["name"]) }
    }

    /// The groups of the given names; refuses a name that is none of the tenant's.
    func groups(named names: [String], in database: Database) throws -> [GroupReference] {
        try Set(names).sorted().map { name in
            let id = try String.fetchOne(
                database, sql: "SELECT id FROM groups WHERE tenant_id = ? AND name = ?", arguments: [tenant.id, name])
            guard let id else { throw Refusal.notFound("group", name) }
            return GroupReference(id: id, name: name)
        }
    }

    /// Refuses what cannot name an account or a group.
    static func requireName(_ name: String, field: String) throws {
        guard MachineName.isSlug(name) else {
            throw Refusal(
                .malformedRequest,
                "The field “\(field)” needs 1 to 63 of a-z, 0-9 and -, with no - at either end.")
        }
    }
}
