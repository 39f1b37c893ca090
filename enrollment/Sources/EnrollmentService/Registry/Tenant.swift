internal import Crypto
public import EnrollmentProtocol

internal import GRDB

/// A customer of the installation: everything else in the registry belongs to exactly one.
public struct Tenant: Sendable, Hashable {
    /// The id, 26 characters of base32.
    public let id: String
    /// The name in certificates.
    public let slug: String
    /// The name for people.
    public let name: String
    /// The public key of its Key Authority in PEM.
    public let keyAuthority: String

    /// The id and the slug.
    public var reference: TenantReference { TenantReference(id: id, slug: slug) }

    /// The pin of its Key Authority.
    public func keyAuthorityPin() throws -> Pin {
        Pin(publicKeyDER: try P256.Signing.PublicKey(pemRepresentation: keyAuthority).derRepresentation)
    }

    static func find(slug: String, in database: Database) throws -> Tenant? {
        try fetch(database, sql: "SELECT * FROM tenants WHERE slug = ?", arguments: [slug]).first
    }

    static func fetch(
        _ database: Database, sql: String, arguments: StatementArguments = []
    ) throws -> [Tenant] {
        try Row.fetchAll(database, sql: sql, arguments: arguments).map { Tenant(row: $0) }
    }

    /// Takes a row of `tenants`, or one whose columns are named like there with a prefix.
    init(row: Row, prefix: String = "") {
        id = row[prefix + "id"]
        slug = row[prefix + "slug"]
        name = row[prefix + "name"]
        keyAuthority = row[prefix + "key_authority"]
    }

    init(id: String, slug: String, name: String, keyAuthority: String) {
        self.id = id
        self.slug = slug
        self.name = name
        self.keyAuthority = keyAuthority
    }

    /// The columns that `init(row:prefix: "tenant_")` takes, of a table named `tenants`.
    static let columns = """
        tenants.id AS tenant_id, tenants.slug AS tenant_slug, tenants.name AS tenant_name, \
        tenants.key_authority AS tenant_key_authority
        """
}
