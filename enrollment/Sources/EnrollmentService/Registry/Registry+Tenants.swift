public import EnrollmentProtocol
public import Foundation
internal import GRDB
internal import MachineIdentity

extension Registry {
    /// Makes a tenant; blocks, for the command line.
    func createTenant(_ tenant: Tenant, at now: Date) throws(EnrollmentServiceError) {
        try Self.reporting {
            try database.write { database in
                guard try Tenant.find(slug: tenant.slug, in: database) == nil else {
                    throw EnrollmentServiceError(.alreadyExists, "There is a tenant “\(tenant.slug)” already.")
                }
                try database.execute(
                    sql: "INSERT INTO tenants (id, slug, name, key_authority, created_at) VALUES (?, ?, ?, ?, ?)",
                    arguments: [tenant.id, tenant.slug, tenant.name, tenant.keyAuthority, Stamp(now)])
            }
        }
    }

    /// All tenants by their slugs; blocks, for the command line.
    public func tenants() throws(EnrollmentServiceError) -> [Tenant] {
        try Self.reporting {
            try database.read { try Tenant.fetch($0, sql: "SELECT * FROM tenants ORDER BY slug") }
        }
    }

    /// The tenant of a slug; blocks, for the command line and the start.
    public func tenant(slug: String) throws(EnrollmentServiceError) -> Tenant {
        let tenant = try Self.reporting { try database.read { try Tenant.find(slug: slug, in: $0) } }
        guard let tenant else { throw EnrollmentServiceError(.notFound, "There is no tenant “\(slug.prefix(80))”.") }
        return tenant
    }

    /// Makes an administrator of a tenant and tells the credential, this once; blocks, for the command line.
    public func createAdministrator(
        named name: String, of tenant: Tenant, at now: Date
    ) throws(EnrollmentServiceError) -> SecretToken {
        guard MachineName.isSlug(name) else {
            throw EnrollmentServiceError(.invalidArgument, "“\(name.prefix(80))” is no name: use a-z, 0-9 and -.")
        }
        var generator = SystemRandomNumberGenerator()
        let secret = SecretToken.random(.administrator, using: &generator)
        try Self.reporting {
            try database.write { database in
                let taken = try Bool.fetchOne(
                    database, sql: "SELECT EXISTS (SELECT 1 FROM administrators WHERE tenant_id = ? AND name = ?)",
                    arguments: [tenant.id, name])
                guard taken != true else {
                    throw EnrollmentServiceError(
                        .alreadyExists, "The tenant “\(tenant.slug)” has an administrator “\(name)” already.")
                }
                try database.execute(
                    sql: """
                        INSERT INTO administrators (id, tenant_id, name, digest, created_at) VALUES (?, ?, ?, ?, ?)
                        """,
                    arguments: [RegistryID.random(), tenant.id, name, pepper.digest(of: secret), Stamp(now)])
            }
        }
        return secret
    }
}
