public import AuditLog
internal import Foundation
internal import GRDB

extension AuditFile {
    /// Which entries are looked for.
    public struct Filter: Sendable, Equatable {
        /// The least time, in milliseconds since 1970.
        public var since: UInt64?
        /// The id of who did it.
        public var actor: String?
        /// What was done, or the beginning of it up to a dot: `connectors` finds `connectors.revoke`.
        public var action: String?

        /// Describes what is looked for.
        public init(since: UInt64? = nil, actor: String? = nil, action: String? = nil) {
            self.since = since
            self.actor = actor
            self.action = action
        }
    }

    /// The head of a log.
    public func head(of log: String) async throws(AuditStoreError) -> AuditHead {
        try await read { try Self.edge(of: log, in: $0).0.head }
    }

    /// The head that a log had when it had this many entries; nil for more than it has.
    public func head(of log: String, at size: UInt64) async throws(AuditStoreError) -> AuditHead? {
        try await read { try Self.head(of: log, at: size, in: $0) }
    }

    /// The rows of a log from one on, as they are stored, for those who verify them.
    public func rows(
        of log: String, from sequence: UInt64, limit: Int
    ) async throws(AuditStoreError) -> [AuditVerifier.StoredRow] {
        try await read { database in
            try Row.fetchAll(
                database,
                sql:
                    "SELECT sequence, leaf, body FROM entries WHERE log = ? AND sequence >= ? ORDER BY sequence LIMIT ?",
                arguments: [log, Int64(clamping: sequence), limit]
            ).map { row in
                guard let leaf = AuditHash(row["leaf"] as Data) else {
                    throw AuditStoreError(.damaged, "row \(row["sequence"] as Int64) has no hash")
                }
                return AuditVerifier.StoredRow(
                    sequence: UInt64(bitPattern: row["sequence"]), leaf: leaf,
                    encoded: (row["body"] as Data?).map(Array.init))
            }
        }
    }

    /// The entries that a filter lets through, from a sequence number on; archived ones are not among them.
    public func entries(
        of log: String, from sequence: UInt64, limit: Int, matching filter: Filter
    ) async throws(AuditStoreError) -> [AuditEntry] {
        try await read { database in
            var sql = "SELECT sequence, body FROM entries WHERE log = ? AND sequence >= ? AND body IS NOT NULL"
            var arguments: StatementArguments = [log, Int64(clamping: sequence)]
            if let since = filter.since {
                sql += " AND time >= ?"
                arguments += [Int64(clamping: since)]
            }
            if let actor = filter.actor {
                sql += " AND actor = ?"
                arguments += [actor]
            }
            if let action = filter.action {
                sql += " AND (action = ? OR substr(action, 1, ?) = ?)"
                arguments += [action, action.unicodeScalars.count + 1, action + "."]
            }
            sql += " ORDER BY sequence LIMIT ?"
            arguments += [limit]
            return try Row.fetchAll(database, sql: sql, arguments: arguments).map { row in
                guard let entry = AuditEntry(encoded: row["body"] as Data) else {
                    throw AuditStoreError(
                        .damaged, "row \(row["sequence"] as Int64) cannot be read; 'audit verify' says more")
                }
                return entry
            }
        }
    }

    /// Proves that the log of `second` entries begins with that of `first`.
    public func consistencyProof(
        of log: String, first: UInt64, second: UInt64
    ) async throws(AuditStoreError) -> [AuditHash] {
        try await read { try Self.tree(of: log, in: $0).consistencyProof(first: first, second: second) }
    }

    /// Proves that an entry is part of the log of `size` entries.
    public func inclusionProof(
        of log: String, entry: UInt64, size: UInt64
    ) async throws(AuditStoreError) -> [AuditHash] {
        try await read { try Self.tree(of: log, in: $0).inclusionProof(leaf: entry, size: size) }
    }

    /// Reads a whole log and finds the first row that is not as it was written.
    ///
    /// - Returns: the head of the rows that were read.
    public func verify(_ log: String, witnesses: [AuditVerifier.Witness]) async throws -> AuditHead {
        let stored = try await head(of: log)
        var verifier = AuditVerifier(witnesses: witnesses)
        while verifier.size < stored.size {
            let rows = try await rows(of: log, from: verifier.size, limit: 2048)
            // What is added meanwhile belongs to a later head.
            for row in rows.prefix(Int(clamping: stored.size - verifier.size)) { try verifier.take(row) }
            if rows.isEmpty { break }
        }
        let beyond = try await rows(of: log, from: stored.size, limit: 1)
        if let row = beyond.first, try await head(of: log).size <= row.sequence {
            throw AuditVerifier.Finding.headDiffers(
                stored: stored, found: AuditHead(size: row.sequence + 1, root: stored.root))
        }
        return try verifier.finish(stored: stored)
    }

    static func head(of log: String, at size: UInt64, in database: Database) throws -> AuditHead? {
        let frontier = try edge(of: log, in: database).0
        guard size < frontier.size else { return size == frontier.size ? frontier.head : nil }
        return AuditHead(size: size, root: try tree(of: log, in: database).root(ofFirst: size))
    }

    private static func tree(of log: String, in database: Database) -> MerkleTree<any Error> {
        MerkleTree { subtree in
            let above = subtree.level % levelsBetweenNodes
            let level = subtree.level - above
            let range = Int64(subtree.index << UInt64(above))..<Int64((subtree.index + 1) << UInt64(above))
            let hashes =
                level == 0
                ? try Data.fetchAll(
                    database.cachedStatement(
                        sql:
                            "SELECT leaf FROM entries WHERE log = ? AND sequence >= ? AND sequence < ? ORDER BY sequence"
                    ), arguments: [log, range.lowerBound, range.upperBound])
                : try Data.fetchAll(
                    database.cachedStatement(
                        sql: """
                            SELECT hash FROM nodes WHERE log = ? AND level = ? AND number >= ? AND number < ?
                            ORDER BY number
                            """), arguments: [log, level, range.lowerBound, range.upperBound])
            var frontier = MerkleFrontier()
            for hash in hashes.compactMap({ AuditHash($0) }) { frontier.append(hash) }
            guard frontier.size == UInt64(range.count) else {
                throw AuditStoreError(.damaged, "rows of the log \(log) are missing; 'audit verify' says which")
            }
            return frontier.head.root
        }
    }
}
