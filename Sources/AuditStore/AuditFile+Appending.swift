public import AuditLog
internal import Foundation
internal import GRDB

/// Adding to a log: always through here, and always within a transaction.
extension AuditFile {
    /// Which levels of perfect subtrees are kept.
    static let levelsBetweenNodes = 8

    /// Puts events on record; they are on disk when this returns.
    ///
    /// - Returns: the head of the log after the last of them.
    @discardableResult
    public func append(_ events: [AuditEvent], to log: String) async throws(AuditStoreError) -> AuditHead {
        try await change { try Self.append(events, to: log, in: $0) }
    }

    @discardableResult
    static func append(_ events: [AuditEvent], to log: String, in database: Database) throws -> AuditHead {
        var (frontier, last) = try edge(of: log, in: database)
        for event in events {
            let entry = AuditEntry(sequence: frontier.size, previous: last, event: event)
            let encoded = entry.encoded
            last = .leaf(encoded)
            try database.cachedStatement(
                sql: """
                    INSERT INTO entries (log, sequence, leaf, body, time, actor, action) VALUES (?, ?, ?, ?, ?, ?, ?)
                    """
            ).execute(arguments: [
                log, Int64(entry.sequence), Data(last.bytes), Data(encoded), Int64(clamping: event.milliseconds),
                event.actor.id, event.action,
            ])
            var completed: [(MerkleFrontier.Subtree, AuditHash)] = []
            frontier.append(last) { subtree, hash in
                if subtree.level % levelsBetweenNodes == 0 { completed.append((subtree, hash)) }
            }
            for (subtree, hash) in completed {
                try database.execute(
                    sql: "INSERT INTO nodes (log, level, number, hash) VALUES (?, ?, ?, ?)",
                    arguments: [log, subtree.level, Int64(subtree.index), Data(hash.bytes)])
            }
        }
        try database.cachedStatement(
            sql: """
                INSERT INTO logs (name, size, peaks, last) VALUES (?, ?, ?, ?)
                ON CONFLICT (name) DO UPDATE SET size = excluded.size, peaks = excluded.peaks, last = excluded.last
                """
        ).execute(arguments: [
            log, Int64(frontier.size), Data(frontier.peaks.flatMap(\.bytes)), Data(last.bytes),
        ])
        return frontier.head
    }

    static func edge(of log: String, in database: Database) throws -> (MerkleFrontier, AuditHash) {
        guard
            let row = try Row.fetchOne(
                database.cachedStatement(sql: "SELECT size, peaks, last FROM logs WHERE name = ?"), arguments: [log])
        else { return (MerkleFrontier(), .empty) }
        let bytes = Array(row["peaks"] as Data)
        let peaks = stride(from: 0, to: bytes.count, by: AuditHash.byteCount).compactMap {
            AuditHash(bytes[$0..<min($0 + AuditHash.byteCount, bytes.count)])
        }
        guard let size = UInt64(exactly: row["size"] as Int64), let frontier = MerkleFrontier(size: size, peaks: peaks),
            let last = AuditHash(row["last"] as Data)
        else { throw AuditStoreError(.damaged, "the head of the log \(log) is not one") }
        return (frontier, last)
    }
}
