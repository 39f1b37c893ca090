internal import CertificateAuthority
internal import Crypto
internal import EnrollmentProtocol
internal import Foundation
internal import GRDB
internal import MachineIdentity

extension TenantScope {
    /// What a registration came with.
    struct Registration: Sendable {
        let request: CertificateRequest
        let displayName: String?
        let idempotencyKey: String?
        /// From which address it came, for the administrator who has to approve it.
        var address = "-"
    }

    /// A connector that has its certificate, and whether it was registered just now.
    struct Registered: Sendable {
        let connectorID: String
        let certificate: StoredCertificate
        let isNew: Bool
    }

    /// Registers a connector, all of it or nothing: the enrollment and the nonce are used up, the certificate is made
    /// and recorded in one transaction.
    ///
    /// The same key under the same enrollment gets the certificate that it has, however often it asks.
    /// Throws `PendingApproval` while an administrator has to approve it first.
    func register(
        _ registration: Registration, grant stale: EnrollmentGrant, at now: Date,
        issue: @escaping @Sendable (_ connectorID: String) throws -> IssuedCertificate
    ) async throws -> Registered {
        let key = Data(registration.request.keyFingerprint.bytes)
        let approved = try await approval(of: registration, key: key, grant: stale, at: now)
        return try await database.write { database in
            // What was read outside of the transaction may be old: 50 may have come with the same secret.
            guard let grant = try registry.grant(id: stale.id, in: database) else { throw Refusal.invalidCredentials }
            try requireSameRequest(registration, key: key, grant: grant, at: now, in: database)
            if let known = try certified(key: key, grant: grant, at: now, in: database) { return known }
            if let approved {
                try takeApproved(approved, in: database)
                try requireFreshKey(registration.request.keyFingerprint, in: database)
            } else {
                try admit(registration, grant: grant, at: now, in: database)
            }
            let id = approved ?? RegistryID.random()
            let issued = try issue(id)
            try database.execute(
                sql: """
                    INSERT INTO connectors (id, tenant_id, account_id, account, role, enrollment_id, display_name,
                        key_fingerprint, public_key, generation, not_after, created_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)
                    """,
                arguments: [
                    id, tenant.id, grant.accountID, grant.account, grant.role.rawValue, grant.id,
                    registration.displayName, key, Data(registration.request.publicKey.x963Representation),
                    Stamp(issued.notAfter), Stamp(now),
                ])
            let certificate = StoredCertificate(issued, key: key, generation: 1)
            try certificate.insert(connector: id, tenant: tenant.id, in: database)
            return Registered(connectorID: id, certificate: certificate, isNew: true)
        }
    }

    /// Uses up a place of the enrollment and the nonce.
    func admit(_ registration: Registration, grant: EnrollmentGrant, at now: Date, in database: Database) throws {
        try grant.requireOpen(at: now)
        try requireFreshKey(registration.request.keyFingerprint, in: database)
        try useNonce(registration.request.challenge, of: grant, at: now, in: database)
        try database.execute(
            sql: "UPDATE enrollments SET used = used + 1 WHERE tenant_id = ? AND id = ?",
            arguments: [tenant.id, grant.id])
    }

    func certified(
        key: Data, grant: EnrollmentGrant, at now: Date, in database: Database
    ) throws -> Registered? {
        let row = try Row.fetchOne(
            database,
            sql: """
                SELECT certificates.*, connectors.revoked_at FROM certificates
                JOIN connectors ON connectors.tenant_id = certificates.tenant_id
                    AND connectors.id = certificates.connector_id
                WHERE certificates.key_fingerprint = ? AND connectors.tenant_id = ? AND connectors.enrollment_id = ?
                """,
            arguments: [key, tenant.id, grant.id])
        guard let row else { return nil }
        guard row["revoked_at"] == nil else {
            throw Refusal(.certificateRevoked, "The connector that this key belongs to is revoked.")
        }
        let certificate = StoredCertificate(row: row)
        // An answer that got lost is repeated; a certificate that has ended helps nobody.
        guard certificate.notAfter > now else { return nil }
        return Registered(connectorID: row["connector_id"], certificate: certificate, isNew: false)
    }

    /// Refuses a key that was certified or revoked before, for whomever.
    func requireFreshKey(_ fingerprint: KeyFingerprint, in database: Database) throws {
        let isKnown = try Bool.fetchOne(
            database,
            sql: """
                SELECT EXISTS (SELECT 1 FROM certificates WHERE key_fingerprint = ?)
                    OR EXISTS (SELECT 1 FROM denylist WHERE kind = 'key' AND value = ?)
                """,
            arguments: [Data(fingerprint.bytes), fingerprint.hex])
        guard isKnown == false else {
            throw Refusal(.keyReuse, "The key is certified already, or was revoked; make a new one.")
        }
    }

    /// Remembers an `Idempotency-Key`, and refuses it for another certificate request than the first one.
    func requireSameRequest(
        _ registration: Registration, key: Data, grant: EnrollmentGrant, at now: Date, in database: Database
    ) throws {
        guard let text = registration.idempotencyKey else { return }
        let digest = registry.pepper.digest(of: text, label: "idempotency key")
        let first = try Data.fetchOne(
            database,
            sql: """
                SELECT key_fingerprint FROM idempotency_keys WHERE tenant_id = ? AND enrollment_id = ? AND digest = ?
                """,
            arguments: [tenant.id, grant.id, digest])
        guard let first else {
            try database.execute(
                sql: """
                    INSERT INTO idempotency_keys (tenant_id, enrollment_id, digest, key_fingerprint, created_at)
                    VALUES (?, ?, ?, ?, ?)
                    """,
                arguments: [tenant.id, grant.id, digest, key, Stamp(now)])
            return
        }
        guard first == key else {
            throw Refusal(.alreadyExists, "The Idempotency-Key came with another certificate request before.")
        }
    }
}
