public import AuditLog
internal import Foundation
internal import GRDB

/// The newest heads of other logs, kept here so that nobody rewrites those unnoticed.
extension AuditFile {
    /// A head that another end has told.
    public struct PeerHead: Sendable, Equatable {
        /// Whose log it is.
        public var peer: String
        /// The head.
        public var head: AuditHead
        /// When it was told, in milliseconds since 1970.
        public var milliseconds: UInt64
    }

    /// What came of a head that the other end told.
    public enum HeadVerdict: Sendable, Equatable {
        /// It is the known one.
        case same
        /// It is a longer one; with `isDue`, it is time to put one on record.
        case newer(isDue: Bool)
        /// It is shorter than one that was told before, or another one of the same length: the log was rewritten.
        case conflict(with: AuditHead)
    }

    /// Keeps the head of a peer's log, unless it contradicts the one that is kept.
    ///
    /// - Parameter interval: how often a head is due to be put on record, in milliseconds.
    public func keep(
        _ head: AuditHead, of peer: String, in log: String, at now: UInt64, interval: UInt64
    ) async throws(AuditStoreError) -> HeadVerdict {
        // Most heartbeats tell nothing new and need no flush.
        let known = try await read { try Self.known(peer, log, $0) }
        if known?.head == head { return .same }
        return try await change { database in
            let known = try Self.known(peer, log, database)
            if let known, known.head.size >= head.size {
                return known.head == head ? .same : .conflict(with: known.head)
            }
            let isDue = known.map { now >= $0.noted + interval } ?? true
            try database.execute(
                sql: """
                    INSERT INTO heads (log, peer, size, root, time, noted) VALUES (?, ?, ?, ?, ?, ?)
                    ON CONFLICT (log, peer) DO UPDATE
                    SET size = excluded.size, root = excluded.root, time = excluded.time, noted = excluded.noted
                    """,
                arguments: [
                    log, peer, Int64(clamping: head.size), Data(head.root.bytes), Int64(clamping: now),
                    Int64(clamping: isDue ? now : known?.noted ?? now),
                ])
            return .newer(isDue: isDue)
        }
    }

    /// The newest heads that are kept beside a log.
    public func peerHeads(in log: String, limit: Int) async throws(AuditStoreError) -> [PeerHead] {
        try await read { database in
            try Row.fetchAll(
                database, sql: "SELECT * FROM heads WHERE log = ? ORDER BY time DESC, peer LIMIT ?",
                arguments: [log, limit]
            ).compactMap { row in
                AuditHash(row["root"] as Data).map {
                    PeerHead(
                        peer: row["peer"], head: AuditHead(size: UInt64(bitPattern: row["size"]), root: $0),
                        milliseconds: UInt64(bitPattern: row["time"]))
                }
            }
        }
    }

    /// The newest head of a peer's log.
    public func peerHead(of peer: String, in log: String) async throws(AuditStoreError) -> AuditHead? {
        try await read { try Self.known(peer, log, $0)?.head }
    }

    private static func known(
        _ peer: String, _ log: String, _ database: Database
    ) throws -> (head: AuditHead, noted: UInt64)? {
        guard
            let row = try Row.fetchOne(
                database.cachedStatement(sql: "SELECT size, root, noted FROM heads WHERE log = ? AND peer = ?"),
                arguments: [log, peer]), let root = AuditHash(row["root"] as Data)
        else { return nil }
        return (AuditHead(size: UInt64(bitPattern: row["size"]), root: root), UInt64(bitPattern: row["noted"]))
    }
}
