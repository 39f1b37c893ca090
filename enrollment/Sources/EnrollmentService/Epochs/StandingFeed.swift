public import EnrollmentProtocol
internal import Foundation
internal import GRDB
public import Logging
internal import Synchronization

/// Tells who was revoked, frozen or let in again, whichever process of the installation did it.
///
/// `EnrollmentServer.onStandingChanged` tells it at once within its own process; a dispatcher beside it hears it here.
public struct StandingFeed: Sendable {
    private struct Excluded: Hashable {
        let tenant: TenantReference
        let connector: String
    }

    private struct Standing: Equatable {
        let state: ConnectorState
        let since: Date
    }

    /// Those who were revoked before are in no epoch any more, and there may be very many of them.
    private static let recent: TimeInterval = 600

    private let registry: Registry
    private let logger: Logger

    /// Makes a feed.
    public init(installation: Installation, logger: Logger) {
        registry = installation.registry
        self.logger = logger
    }

    /// Tells those who are out, then each change, until it is cancelled.
    public func run(
        _ tell: @escaping @Sendable (TenantReference, _ connectorID: String, ConnectorState) -> Void
    ) async {
        let known = Mutex<(changes: [String: Int64]?, out: [Excluded: Standing])>((nil, [:]))
        await RegistryPulse(registry: registry, table: "membership_changes").run {
            do {
                let changes = try await registry.membershipChanges()
                guard known.withLock({ $0.changes }) != changes else { return }
                let now = try await excluded()
                let (isFirst, before) = known.withLock { known in
                    defer { known = (changes, now) }
                    return (known.changes == nil, known.out)
                }
                let start = Date(timeIntervalSinceNow: -Self.recent)
                for (member, standing) in now where before[member]?.state != standing.state {
                    guard !isFirst || standing.state == .frozen || standing.since > start else { continue }
                    tell(member.tenant, member.connector, standing.state)
                }
                for member in before.keys where now[member] == nil { tell(member.tenant, member.connector, .active) }
            } catch {
                logger.error("The standing of connectors cannot be read", metadata: ["reason": "\(error)"])
            }
        }
    }

    private func excluded() async throws -> [Excluded: Standing] {
        try await registry.database.read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT connectors.id, connectors.revoked_at, connectors.frozen_at, tenants.id AS tenant, tenants.slug FROM connectors
                    JOIN tenants ON tenants.id = connectors.tenant_id
                    WHERE connectors.frozen_at IS NOT NULL OR connectors.revoked_at IS NOT NULL
                    """)
            var found: [Excluded: Standing] = [:]
            for row in rows {
                let tenant = TenantReference(id: row["tenant"], slug: row["slug"])
                let revoked: Stamp? = row["revoked_at"]
                found[Excluded(tenant: tenant, connector: row["id"])] = Standing(
                    state: revoked == nil ? .frozen : .revoked,
                    since: (revoked ?? row["frozen_at"] as Stamp?)?.date ?? .distantPast)
            }
            return found
        }
    }
}
