internal import EnrollmentProtocol
internal import Foundation
internal import GRDB
internal import MachineIdentity

/// What a credential says about its holder; the tenant of a call comes from here alone.
extension Registry {
    /// The administrator of a secret: one of its own, or an API key with the scope `admin`.
    func administrator(_ secret: SecretToken, at now: Date) async throws -> AdministratorPrincipal? {
        let digest = pepper.digest(of: secret)
        return try await database.read { database in
            switch secret.kind {
            case .administrator:
                let row = try Row.fetchOne(
                    database,
                    sql: """
                        SELECT administrators.id, administrators.name, administrators.role, \(Tenant.columns)
                        FROM administrators
                        JOIN tenants ON tenants.id = administrators.tenant_id WHERE digest = ?
                        """,
                    arguments: [digest])
                return row.map { row in
                    AdministratorPrincipal(
                        kind: .administrator, id: row["id"], name: row["name"],
                        tenant: Tenant(row: row, prefix: "tenant_"), mayAdminister: true,
                        role: AdministratorRole(registered: row["role"]))
                }
            case .apiKey:
                return try key(digest, at: now, in: database).map { grant, tenant in
                    AdministratorPrincipal(
                        kind: .apiKey, id: grant.id, name: grant.name, tenant: tenant,
                        mayAdminister: grant.scopes.contains(.admin))
                }
            case .enrollment:
                let row = try Row.fetchOne(
                    database,
                    sql: """
                        SELECT enrollments.id, \(Tenant.columns) FROM enrollments
                        JOIN tenants ON tenants.id = enrollments.tenant_id WHERE digest = ?
                        """,
                    arguments: [digest])
                return row.map { row in
                    AdministratorPrincipal(
                        kind: .enrollment, id: row["id"], name: "invitation",
                        tenant: Tenant(row: row, prefix: "tenant_"),
                        mayAdminister: false)
                }
            }
        }
    }

    /// The enrollment of an invitation's secret, in whatever state it is.
    func grant(_ secret: SecretToken) async throws -> EnrollmentGrant? {
        let digest = pepper.digest(of: secret)
        return try await database.read { database in
            try grant(where: "enrollments.digest = ?", [digest], in: database)
        }
    }

    func grant(id: String, in database: Database) throws -> EnrollmentGrant? {
        try grant(where: "enrollments.id = ?", [id], in: database)
    }

    private func grant(
        where condition: String, _ arguments: StatementArguments, in database: Database
    ) throws -> EnrollmentGrant? {
        let row = try Row.fetchOne(
            database,
            sql: """
                SELECT enrollments.*, accounts.name AS account, accounts.role, \(Tenant.columns) FROM enrollments
                JOIN accounts ON accounts.tenant_id = enrollments.tenant_id AND accounts.id = enrollments.account_id
                JOIN tenants ON tenants.id = enrollments.tenant_id
                WHERE \(condition)
                """,
            arguments: arguments)
        return try row.map { row in
            EnrollmentGrant(
                row: row, tenant: Tenant(row: row, prefix: "tenant_"), role: try TenantScope.role(row["role"]))
        }
    }

    /// The registered member of a certificate; nil if the registry has none for it.
    func member(certificate: CertificateFingerprint) async throws -> MemberRecord? {
        try await database.read { database in
            try member(
                where: """
                    connectors.id = (SELECT connector_id FROM certificates WHERE fingerprint = ?1)
                    AND certificates.fingerprint = ?1
                    """, [Data(certificate.bytes)], in: database)
        }
    }

    /// The registered member of an id by one of its keys; nil if the registry has none with both.
    func member(id: String, key: KeyFingerprint) async throws -> MemberRecord? {
        try await database.read { database in
            try member(
                where: "connectors.id = ? AND certificates.key_fingerprint = ?", [id, Data(key.bytes)], in: database)
        }
    }

    private func member(
        where condition: String, _ arguments: StatementArguments, in database: Database
    ) throws -> MemberRecord? {
        let row = try Row.fetchOne(
            database,
            sql: """
                SELECT connectors.*, certificates.der, certificates.not_after AS certificate_end,
                    certificates.key_fingerprint AS certificate_key, certificates.generation AS certificate_generation,
                    \(Tenant.columns),
                    EXISTS (
                        SELECT 1 FROM certificates AS newest WHERE newest.connector_id = connectors.id
                            AND newest.generation = connectors.generation AND newest.first_used_at IS NOT NULL
                    ) AS newest_is_used,
                    EXISTS (
                        SELECT 1 FROM denylist WHERE (kind = 'serial' AND value = certificates.serial)
                            OR (kind = 'key' AND value = lower(hex(certificates.key_fingerprint)))
                    ) AS is_denied
                FROM connectors
                JOIN certificates ON certificates.tenant_id = connectors.tenant_id
                    AND certificates.connector_id = connectors.id
                JOIN tenants ON tenants.id = connectors.tenant_id
                WHERE \(condition)
                """,
            arguments: arguments)
        guard let row else { return nil }
        guard let key = KeyFingerprint(bytes: row["certificate_key"] as Data) else {
            throw EnrollmentServiceError(.registry, "The registry holds a key fingerprint of another length.")
        }
        let tenant = Tenant(row: row, prefix: "tenant_")
        let scope = TenantScope(registry: self, tenant: tenant)
        let generation: Int = row["certificate_generation"]
        return MemberRecord(
            id: row["id"], tenant: tenant, account: row["account"], role: try TenantScope.role(row["role"]),
            groups: try scope.groups(ofAccount: row["account_id"], in: database), generation: generation,
            newestGeneration: row["generation"], newestIsUsed: row["newest_is_used"],
            // The connector's row has the newest key; an older one is in its certificate alone.
            publicKey: generation == row["generation"]
                ? Array(row["public_key"] as Data) : try StoredCertificate.publicKey(in: Array(row["der"] as Data)),
            keyFingerprint: key, notAfter: (row["certificate_end"] as Stamp).date,
            isRevoked: row["revoked_at"] != nil || row["is_denied"], isFrozen: row["frozen_at"] != nil,
            freezeReason: row["freeze_reason"])
    }

    /// Who may call services with a secret: an API key with the scope `call`, or an administrator.
    func caller(_ secret: SecretToken, digest: SecretDigest, at now: Date) async throws -> ApplicationCaller? {
        try await database.read { database in
            switch secret.kind {
            case .enrollment: return nil
            case .administrator:
                let row = try Row.fetchOne(
                    database,
                    sql: """
                        SELECT administrators.id, \(Tenant.columns) FROM administrators
                        JOIN tenants ON tenants.id = administrators.tenant_id WHERE digest = ? AND role = ?
                        """,
                    arguments: [digest, AdministratorRole.administrator.rawValue])
                guard let row else { return nil }
                let tenant = Tenant(row: row, prefix: "tenant_")
                return ApplicationCaller(
                    tenant: tenant.reference, keyID: row["id"], groups: try groups(of: tenant.id, in: database),
                    services: nil, expiresAt: nil)
            case .apiKey:
                guard let (grant, tenant) = try key(digest, at: now, in: database), grant.scopes.contains(.call) else {
                    return nil
                }
                let groups =
                    grant.isConfined
                    ? try self.groups(ofKey: grant.id, tenant: tenant.id, in: database)
                    : try self.groups(of: tenant.id, in: database)
                return ApplicationCaller(
                    tenant: tenant.reference, keyID: grant.id, groups: groups, services: grant.services,
                    expiresAt: grant.expiresAt?.date)
            }
        }
    }

    /// The groups that an API key is confined to.
    func groups(ofKey id: String, tenant: String, in database: Database) throws -> [GroupReference] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT groups.id, groups.name FROM api_key_groups
                JOIN groups ON groups.tenant_id = api_key_groups.tenant_id AND groups.id = api_key_groups.group_id
                WHERE api_key_groups.tenant_id = ? AND api_key_groups.key_id = ? ORDER BY groups.name
                """,
            arguments: [tenant, id]
        ).map { GroupReference(id: $0["id"], name: $0["name"]) }
    }

    /// All groups of a tenant.
    func groups(of tenant: Tenant) async throws -> [GroupReference] {
        try await database.read { try self.groups(of: tenant.id, in: $0) }
    }

    private func groups(of tenant: String, in database: Database) throws -> [GroupReference] {
        try Row.fetchAll(
            database, sql: "SELECT id, name FROM groups WHERE tenant_id = ? ORDER BY name", arguments: [tenant]
        ).map { GroupReference(id: $0["id"], name: $0["name"]) }
    }

    private func key(_ digest: SecretDigest, at now: Date, in database: Database) throws -> (KeyGrant, Tenant)? {
        let row = try Row.fetchOne(
            database,
            sql: """
                SELECT api_keys.*, \(Tenant.columns) FROM api_keys
                JOIN tenants ON tenants.id = api_keys.tenant_id WHERE digest = ?
                """,
            arguments: [digest])
        guard let row else { return nil }
        let grant = KeyGrant(row: row)
        if let end = grant.expiresAt?.date, end <= now { return nil }
        return (grant, Tenant(row: row, prefix: "tenant_"))
    }
}
