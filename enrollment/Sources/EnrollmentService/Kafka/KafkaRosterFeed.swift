internal import EnrollmentProtocol
public import Foundation
internal import GRDB
public import KafkaTopology
public import Logging
internal import RelayFormat
internal import Synchronization

/// Tells who takes part in the relay, for those who make topics and rules of access.
public struct KafkaRosterFeed: Sendable {
    /// For how long it is told that somebody was revoked; what he could do was taken away long before.
    private static let remembered: TimeInterval = 7 * 86400

    private let registry: Registry
    private let logger: Logger

    /// Makes a feed.
    public init(installation: Installation, logger: Logger) {
        registry = installation.registry
        self.logger = logger
    }

    /// Who takes part now.
    public func present(now: Date = Date()) async throws(EnrollmentServiceError) -> KafkaRoster {
        do { return try await registry.kafkaRoster(revokedAfter: now.addingTimeInterval(-Self.remembered)) } catch {
            throw EnrollmentServiceError(.registry, "The registry cannot be read: \(error)")
        }
    }

    /// Calls the closure now and whenever it may be another roster, until it is cancelled.
    public func run(_ tell: @escaping @Sendable () -> Void) async {
        let known = Mutex<KafkaRosterMark?>(nil)
        await RegistryPulse(registry: registry, table: "membership_changes").run {
            do {
                let present = try await registry.kafkaRosterMark()
                let isNews = known.withLock { known in
                    defer { known = present }
                    return known != present
                }
                if isNews { tell() }
            } catch {
                logger.error("The registry cannot be read", metadata: ["reason": "\(error)"])
            }
        }
    }
}

/// What is another one whenever the roster may be.
private struct KafkaRosterMark: Equatable {
    var changes: [String: Int64]
    /// A connector that has just registered changes no membership before it has handed a key in, and needs its rules then.
    var connectors: Int64?
}

extension Registry {
    fileprivate func kafkaRosterMark() async throws -> KafkaRosterMark {
        KafkaRosterMark(
            changes: try await membershipChanges(),
            connectors: try await database.read {
                try Int64.fetchOne($0, sql: "SELECT max(rowid) FROM connectors")
            })
    }

    /// Who takes part in the relay, in one view.
    func kafkaRoster(revokedAfter moment: Date) async throws -> KafkaRoster {
        try await database.read { database in
            var roster = KafkaRoster()
            var tenants: [TenantID: KafkaRoster.Tenant] = [:]
            for id in try String.fetchAll(database, sql: "SELECT id FROM tenants").compactMap({ TenantID($0) }) {
                tenants[id] = KafkaRoster.Tenant(id: id)
            }
            for row in try Row.fetchAll(database, sql: "SELECT tenant_id, id FROM groups") {
                guard let tenant = TenantID(row["tenant_id"] as String), let group = GroupID(row["id"] as String)
                else { continue }
                tenants[tenant]?.groups.insert(group)
            }
            for row in try Row.fetchAll(database, sql: "SELECT tenant_id, member_id FROM dispatcher_members") {
                guard let tenant = TenantID(row["tenant_id"] as String),
                    let member = MemberID(row["member_id"] as String)
                else { continue }
                tenants[tenant]?.dispatchers.insert(member)
            }
            let members = try Row.fetchAll(
                database,
                sql: """
                    SELECT connectors.tenant_id, connectors.id, connectors.role, account_groups.group_id,
                        connectors.revoked_at IS NOT NULL OR connectors.frozen_at IS NOT NULL AS is_out
                    FROM connectors LEFT JOIN account_groups ON account_groups.tenant_id = connectors.tenant_id
                        AND account_groups.account_id = connectors.account_id
                    WHERE connectors.revoked_at IS NULL OR connectors.revoked_at > ?
                    """,
                arguments: [Stamp(moment)])
            for row in members {
                guard let tenant = TenantID(row["tenant_id"] as String), let member = MemberID(row["id"] as String)
                else { continue }
                if row["is_out"] {
                    roster.shutOut.insert(member)
                } else if row["role"] as String == AccountRole.connector.rawValue {
                    let group = (row["group_id"] as String?).flatMap { GroupID($0) }
                    tenants[tenant]?.connectors[member, default: []].formUnion(group.map { [$0] } ?? [])
                }
            }
            roster.tenants = tenants.values.sorted { $0.id.description < $1.id.description }
            return roster
        }
    }
}
