internal import CertificateAuthority
internal import Crypto
internal import EnrollmentProtocol
internal import Failpoints
internal import Foundation
internal import GRDB
internal import MachineIdentity

extension TenantScope {
    /// What a renewal came with, besides the certificate that was shown.
    struct Renewal: Sendable {
        let request: CertificateRequest
        let machine: String?
    }

    /// What became of a renewal.
    enum Renewed: Sendable {
        /// The connector has its next certificate.
        case issued(StoredCertificate, machineChanged: Bool)
        /// The answer got lost; here it is again.
        case repeated(StoredCertificate, machineChanged: Bool)
        /// Somebody else renewed in this connector's name: it is frozen now.
        case clone
    }

    private struct Newest {
        let generation: Int
        let key: Data
        let machine: String?
    }

    /// Gives a connector its next certificate, all of it or nothing.
    ///
    /// The key that the newest certificate has gets that certificate, however often it asks. Another key is certified
    /// for the holder of the newest certificate alone; whoever asks for one with an older certificate is a copy, or
    /// was copied.
    ///
    /// - Parameter announceFreeze: is called if it was in until now, in the order of such changes.
    func renew(
        _ renewal: Renewal, of member: MemberRecord, at now: Date, announceFreeze: @escaping @Sendable () -> Void,
        issue: @escaping @Sendable () throws -> IssuedCertificate
    ) async throws -> Renewed {
        let key = Data(renewal.request.keyFingerprint.bytes)
        Failpoint.reach(.renewalBefore)
        let renewed = try await registry.write { database -> Renewed in
            let newest = try newest(of: member, in: database)
            if key == newest.key {
                let changed = try noteMachine(renewal.machine, known: newest.machine, of: member, at: now, in: database)
                return .repeated(try certificate(of: member, key: key, in: database), machineChanged: changed)
            }
            try requireFreshKey(renewal.request.keyFingerprint, in: database)
            guard member.generation == newest.generation else {
                let reason =
                    "clone suspected: generation \(member.generation) asked for another key after generation"
                    + " \(newest.generation) had been issued"
                try freezeConnector(member.id, reason: reason, at: now, in: database)
                database.afterNextTransaction { _ in announceFreeze() }
                return .clone
            }
            let certificate = StoredCertificate(try issue(), key: key, generation: newest.generation + 1)
            try certificate.insert(connector: member.id, tenant: tenant.id, in: database)
            try database.execute(
                sql: """
                    UPDATE connectors SET generation = ?, key_fingerprint = ?, public_key = ?, not_after = ?
                    WHERE tenant_id = ? AND id = ?
                    """,
                arguments: [
                    certificate.generation, key, Data(renewal.request.publicKey.x963Representation),
                    Stamp(certificate.notAfter), tenant.id, member.id,
                ])
            let changed = try noteMachine(renewal.machine, known: newest.machine, of: member, at: now, in: database)
            Failpoint.reach(.renewalInside)
            return .issued(certificate, machineChanged: changed)
        }
        Failpoint.reach(.renewalAfter)
        return renewed
    }

    /// Notes that the newest certificate of a member is used, which ends the one before.
    func noteFirstUse(of member: MemberRecord, at now: Date) async throws {
        try await registry.write { try noteFirstUse(of: member, at: now, in: $0) }
    }

    func noteFirstUse(of member: MemberRecord, at now: Date, in database: Database) throws {
        try database.execute(
            sql: """
                UPDATE certificates SET first_used_at = ?
                WHERE tenant_id = ? AND connector_id = ? AND generation = ? AND first_used_at IS NULL
                """,
            arguments: [Stamp(now), tenant.id, member.id, member.generation])
    }

    /// What was read outside of the transaction may be old: the connector may have been shut out since.
    private func newest(of member: MemberRecord, in database: Database) throws -> Newest {
        let row = try Row.fetchOne(
            database,
            sql: """
                SELECT generation, key_fingerprint, machine, revoked_at, frozen_at, freeze_reason FROM connectors
                WHERE tenant_id = ? AND id = ?
                """,
            arguments: [tenant.id, member.id])
        guard let row, row["revoked_at"] == nil else {
            throw Refusal(.certificateRevoked, "The connector \(member.id) is revoked.")
        }
        guard row["frozen_at"] == nil else {
            throw Refusal(.connectorFrozen, Authenticator.frozen(member.id, row["freeze_reason"]))
        }
        return Newest(generation: row["generation"], key: row["key_fingerprint"], machine: row["machine"])
    }

    private func certificate(of member: MemberRecord, key: Data, in database: Database) throws -> StoredCertificate {
        let row = try Row.fetchOne(
            database,
            sql: "SELECT * FROM certificates WHERE tenant_id = ? AND connector_id = ? AND key_fingerprint = ?",
            arguments: [tenant.id, member.id, key])
        guard let row else {
            throw EnrollmentServiceError(.registry, "The registry has lost the certificate of \(member.id).")
        }
        return StoredCertificate(row: row)
    }

    /// Keeps what stands for the machine; tells whether it is another one than before.
    private func noteMachine(
        _ machine: String?, known: String?, of member: MemberRecord, at now: Date, in database: Database
    ) throws -> Bool {
        guard let machine, machine != known else { return false }
        try database.execute(
            sql: """
                UPDATE connectors SET machine = ?1, machine_changed_at = iif(machine IS NULL, NULL, ?2)
                WHERE tenant_id = ?3 AND id = ?4
                """,
            arguments: [machine, Stamp(now), tenant.id, member.id])
        return known != nil
    }
}
