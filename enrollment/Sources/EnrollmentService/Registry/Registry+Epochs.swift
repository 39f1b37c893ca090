internal import Foundation
internal import GRDB
internal import KeyAuthority
internal import RelayFormat
internal import RelaySealing

/// The epochs of all groups, and who belongs to the next ones.
extension Registry {
    /// A group as the Key Authority sees it.
    struct GroupMembership: Sendable {
        let groupID: String
        let candidates: [EpochCandidate]
        let latest: StoredEpoch?
    }

    /// For how long an epoch is kept after its successor came; members hold what they need.
    private static let keptEpochs: TimeInterval = 3600
    /// The most epochs that are read at once.
    private static let batch = 256

    /// How often the membership of each tenant has changed.
    func membershipChanges() async throws -> [String: Int64] {
        try await database.read { database in
            let rows = try Row.fetchAll(database, sql: "SELECT tenant_id, number FROM membership_changes")
            return Dictionary(rows.map { ($0["tenant_id"], $0["number"]) }, uniquingKeysWith: { first, _ in first })
        }
    }

    /// The tenants as they are now, without blocking.
    func presentTenants() async throws -> [Tenant] {
        try await database.read { try Tenant.fetch($0, sql: "SELECT * FROM tenants ORDER BY slug") }
    }

    /// Who belongs to the groups of a tenant, in one view, and what epochs they have.
    func membership(
        of tenant: Tenant, suite: SealingSuite, grace: TimeInterval
    ) async throws -> [GroupMembership] {
        try await database.read { database in
            let groups = try String.fetchAll(
                database, sql: "SELECT id FROM groups WHERE tenant_id = ? ORDER BY id", arguments: [tenant.id])
            let dispatchers = try Self.dispatchers(of: tenant, suite: suite, in: database)
            let connectors = try Self.connectors(of: tenant, suite: suite, grace: grace, in: database)
            let latest = try Self.latest(of: tenant.id, in: database)
            return groups.map { group in
                GroupMembership(
                    groupID: group, candidates: dispatchers + connectors[group, default: []], latest: latest[group])
            }
        }
    }

    /// Keeps an epoch, unless another one came after the one that it follows.
    ///
    /// - Returns: whether it is the group's present one.
    func publish(
        _ manifest: EpochManifest, after previous: StoredEpoch?, at now: Date
    ) async throws -> Bool {
        let (tenant, group) = (manifest.core.tenant.description, manifest.core.group.description)
        let encoded = Data(manifest.encoded)
        return try await write { database in
            let present = try Int64.fetchOne(
                database,
                sql: """
                    SELECT sequence FROM epochs WHERE tenant_id = ? AND group_id = ? ORDER BY epoch DESC LIMIT 1
                    """,
                arguments: [tenant, group])
            let isThere = try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT 1 FROM groups WHERE tenant_id = ? AND id = ?)",
                arguments: [tenant, group])
            guard present == previous?.sequence, isThere == true else { return false }
            try database.execute(
                sql: """
                    INSERT INTO epochs (tenant_id, group_id, epoch, core_hash, manifest, made_at)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    tenant, group, manifest.core.number, Data(manifest.core.hash.bytes), encoded, Stamp(now),
                ])
            try database.execute(
                sql: "DELETE FROM epochs WHERE tenant_id = ? AND group_id = ? AND epoch < ? AND made_at < ?",
                arguments: [
                    tenant, group, manifest.core.number, Stamp(now.addingTimeInterval(-Self.keptEpochs)),
                ])
            return true
        }
    }

    /// The present epochs of all groups that came after a sequence number, in the order in which they came.
    func presentEpochs(after sequence: Int64) async throws -> [StoredEpoch] {
        try await database.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM epochs WHERE sequence IN (
                        SELECT max(sequence) FROM epochs WHERE sequence > ? GROUP BY tenant_id, group_id
                    ) ORDER BY sequence LIMIT \(Self.batch)
                    """,
                arguments: [sequence]
            ).map { StoredEpoch(row: $0) }
        }
    }

    private static func latest(of tenant: String, in database: Database) throws -> [String: StoredEpoch] {
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT * FROM epochs WHERE tenant_id = ?1 AND sequence IN (
                    SELECT max(sequence) FROM epochs WHERE tenant_id = ?1 GROUP BY group_id)
                """,
            arguments: [tenant])
        return Dictionary(rows.map { ($0["group_id"], StoredEpoch(row: $0)) }, uniquingKeysWith: { first, _ in first })
    }

    private static func dispatchers(
        of tenant: Tenant, suite: SealingSuite, in database: Database
    ) throws -> [EpochCandidate] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT hpke_keys.* FROM dispatcher_members AS members
                JOIN hpke_keys ON hpke_keys.tenant_id = members.tenant_id
                    AND hpke_keys.member_id = members.member_id AND hpke_keys.identity_key = members.identity_key
                WHERE members.tenant_id = ? AND hpke_keys.suite = ?
                """,
            arguments: [tenant.id, suite.rawValue]
        ).compactMap { candidate($0, role: .dispatcher, until: .never) }
    }

    /// The connectors of each group.
    ///
    /// One stays with an older identity key until its new HPKE key is there, or the grace is over: between the first
    /// use of a new certificate and the new HPKE key it must not drop out of its groups.
    private static func connectors(
        of tenant: Tenant, suite: SealingSuite, grace: TimeInterval, in database: Database
    ) throws -> [String: [EpochCandidate]] {
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT hpke_keys.*, account_groups.group_id, certificates.not_after, (
                    SELECT min(first_used_at) FROM certificates AS newer
                    WHERE newer.tenant_id = certificates.tenant_id
                        AND newer.connector_id = certificates.connector_id
                        AND newer.generation > certificates.generation
                ) AS superseded_at
                FROM hpke_keys
                JOIN connectors ON connectors.tenant_id = hpke_keys.tenant_id AND connectors.id = hpke_keys.member_id
                JOIN certificates ON certificates.tenant_id = hpke_keys.tenant_id
                    AND certificates.connector_id = hpke_keys.member_id
                    AND certificates.key_fingerprint = hpke_keys.key_fingerprint
                JOIN account_groups ON account_groups.tenant_id = connectors.tenant_id
                    AND account_groups.account_id = connectors.account_id
                WHERE hpke_keys.tenant_id = ? AND hpke_keys.suite = ? AND connectors.role = 'connector'
                    AND connectors.revoked_at IS NULL AND connectors.frozen_at IS NULL
                """,
            arguments: [tenant.id, suite.rawValue])
        var groups: [String: [EpochCandidate]] = [:]
        for row in rows {
            let superseded = (row["superseded_at"] as Stamp?)?.date.addingTimeInterval(grace)
            let end = min((row["not_after"] as Stamp).date, superseded ?? .distantFuture)
            guard let found = candidate(row, role: .connector, until: RelayTime(end)) else { continue }
            groups[row["group_id"], default: []].append(found)
        }
        return groups
    }

    private static func candidate(_ row: Row, role: MemberRole, until: RelayTime) -> EpochCandidate? {
        guard let id = MemberID(row["member_id"] as String) else { return nil }
        return EpochCandidate(
            id: id, role: role, identityKey: Array(row["identity_key"] as Data),
            hpkeKey: Array(row["public_key"] as Data), until: until)
    }
}

extension RelayTime {
    /// A date on the tenant's clock.
    init(_ date: Date) { self.init(milliseconds: UInt64(max(0, date.timeIntervalSince1970 * 1000))) }

    /// The moment as a date.
    var date: Date { Date(timeIntervalSince1970: Double(milliseconds) / 1000) }
}
