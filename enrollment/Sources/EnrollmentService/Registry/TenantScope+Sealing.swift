internal import Crypto
internal import EnrollmentProtocol
internal import Foundation
internal import GRDB
internal import MachineIdentity
internal import RelaySealing

/// What a member's HPKE key is on file as.
struct KeptHPKEKey: Sendable {
    let key: HPKEPublicKey
    /// The identity key that has signed for it, compressed.
    let identityKey: [UInt8]
    /// The fingerprint of that key.
    let keyFingerprint: Data
    let signature: [UInt8]
}

extension TenantScope {
    /// Keeps the HPKE key of a member in the place of the one of its suite that it had.
    ///
    /// - Returns: whether it is another one than before.
    func keep(_ kept: KeptHPKEKey, of member: String, at now: Date) async throws -> Bool {
        try await registry.write { try keep(kept, of: member, at: now, in: $0) }
    }

    func keep(_ kept: KeptHPKEKey, of member: String, at now: Date, in database: Database) throws -> Bool {
        let suite = kept.key.suite.rawValue
        let isKnown = try Bool.fetchOne(
            database,
            sql: """
                SELECT EXISTS (SELECT 1 FROM hpke_keys WHERE tenant_id = ? AND member_id = ? AND suite = ?
                    AND public_key = ? AND identity_key = ?)
                """,
            arguments: [
                tenant.id, member, suite, Data(kept.key.rawRepresentation), Data(kept.identityKey),
            ])
        guard isKnown != true else { return false }
        try database.execute(
            sql: """
                INSERT OR REPLACE INTO hpke_keys (tenant_id, member_id, suite, public_key, identity_key,
                    key_fingerprint, signature, made_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                tenant.id, member, suite, Data(kept.key.rawRepresentation), Data(kept.identityKey),
                kept.keyFingerprint, Data(kept.signature), Stamp(now),
            ])
        return true
    }

    /// The HPKE keys on file that an identity key of a member has signed for.
    func hpkeKeys(of member: MemberRecord) async throws -> [HPKEKeyDigest] {
        try await database.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT suite, public_key FROM hpke_keys
                    WHERE tenant_id = ? AND member_id = ? AND key_fingerprint = ? ORDER BY suite
                    """,
                arguments: [tenant.id, member.id, Data(member.keyFingerprint.bytes)]
            ).map { HPKEKeyDigest(suite: $0["suite"], key: Array($0["public_key"] as Data)) }
        }
    }

    /// The HPKE key of a member's present identity key, the stronger one where it has two; nil where it has none.
    func newestHPKEKey(of member: MemberRecord) async throws -> HPKEPublicKey? {
        let row = try await database.read { database in
            try Row.fetchOne(
                database,
                sql: """
                    SELECT suite, public_key FROM hpke_keys
                    WHERE tenant_id = ? AND member_id = ? AND key_fingerprint = ? ORDER BY suite DESC LIMIT 1
                    """,
                arguments: [tenant.id, member.id, Data(member.keyFingerprint.bytes)]
            ).map { (suite: $0["suite"] as UInt8, key: $0["public_key"] as Data) }
        }
        guard let row, let suite = SealingSuite(rawValue: row.suite) else { return nil }
        return try HPKEPublicKey(suite: suite, rawRepresentation: row.key)
    }

    /// Makes a dispatcher a member of all groups of the tenant, with its keys.
    ///
    /// - Throws: `notFound` for an instance that was removed.
    func admitDispatcher(_ id: String, identityKey: [UInt8], keys: [KeptHPKEKey], at now: Date) async throws {
        try await registry.write { database in
            let isRemoved = try Bool.fetchOne(
                database,
                sql: "SELECT removed_at IS NOT NULL FROM dispatcher_instances WHERE id = ?", arguments: [id])
            guard isRemoved != true else {
                throw EnrollmentServiceError(.notFound, "This dispatcher instance was removed; stop it.")
            }
            let known = try Data.fetchOne(
                database, sql: "SELECT identity_key FROM dispatcher_members WHERE tenant_id = ? AND member_id = ?",
                arguments: [tenant.id, id])
            if known != Data(identityKey) {
                try database.execute(
                    sql: """
                        INSERT OR REPLACE INTO dispatcher_members (tenant_id, member_id, identity_key) VALUES (?, ?, ?)
                        """,
                    arguments: [tenant.id, id, Data(identityKey)])
            }
            for key in keys { _ = try keep(key, of: id, at: now, in: database) }
        }
    }

    /// The present epoch of a group; nil where there is none.
    func presentEpoch(ofGroup group: String) async throws -> StoredEpoch? {
        try await database.read { database in
            try Row.fetchOne(
                database,
                sql: "SELECT * FROM epochs WHERE tenant_id = ? AND group_id = ? ORDER BY epoch DESC LIMIT 1",
                arguments: [tenant.id, group]
            ).map { StoredEpoch(row: $0) }
        }
    }

    /// The numbers of the present epochs of groups.
    func epochNumbers(ofGroups groups: [GroupReference]) async throws -> [EpochReference] {
        guard !groups.isEmpty else { return [] }
        return try await database.read { database in
            try groups.compactMap { group in
                try UInt32.fetchOne(
                    database, sql: "SELECT max(epoch) FROM epochs WHERE tenant_id = ? AND group_id = ?",
                    arguments: [tenant.id, group.id]
                ).map { EpochReference(group: group.id, epoch: $0) }
            }
        }
    }
}
