internal import Foundation
internal import GRDB

/// The keys that sign queue credentials; they belong to the installation, to no tenant.
extension Registry {
    /// All keys that are kept, the newest first.
    func tokenKeys() async throws -> [TokenKey] { try await database.read { try Self.tokenKeys(in: $0) } }

    /// All keys that are kept, the newest first; blocks, for the command line.
    func keptTokenKeys() throws(EnrollmentServiceError) -> [TokenKey] {
        try Self.reporting { try database.read { try Self.tokenKeys(in: $0) } }
    }

    /// Makes a key the first one, unless there is one; blocks, for the start.
    func adoptTokenKey(_ key: TokenKey) throws(EnrollmentServiceError) {
        try Self.reporting {
            guard try database.read({ try Self.tokenKeys(in: $0) }).isEmpty else { return }
            try database.write { database in
                guard try Self.tokenKeys(in: database).isEmpty else { return }
                try Self.insert(key, in: database)
            }
        }
    }

    /// Publishes a key that follows all others, and says when those end; blocks, for the command line.
    ///
    /// - Returns: those that had ended by now and are forgotten.
    func publishTokenKey(
        _ key: TokenKey, othersEnd: Date, at now: Date
    ) throws(EnrollmentServiceError) -> [TokenKey] {
        try Self.reporting {
            try database.write { database in
                let known = try Self.tokenKeys(in: database)
                if let next = known.first(where: { $0.signsFrom > now }), key.signsFrom > now {
                    throw EnrollmentServiceError(
                        .alreadyExists,
                        "The key \(next.id) is published already and signs from \(next.signsFrom) on; wait for that."
                    )
                }
                try database.execute(
                    sql: "UPDATE token_keys SET ends_at = ?1 WHERE ends_at IS NULL OR ends_at > ?1",
                    arguments: [Stamp(othersEnd)])
                let ended = known.filter { !$0.counts(at: now) }
                for key in ended {
                    try database.execute(sql: "DELETE FROM token_keys WHERE id = ?", arguments: [key.id])
                }
                try Self.insert(key, in: database)
                return ended
            }
        }
    }

    private static func insert(_ key: TokenKey, in database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO token_keys (id, public_key, file, published_at, signs_from, ends_at)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                key.id, Data(key.publicKey), key.file, Stamp(key.publishedAt), Stamp(key.signsFrom),
                key.endsAt.map(Stamp.init),
            ])
    }

    private static func tokenKeys(in database: Database) throws -> [TokenKey] {
        try Row.fetchAll(database, sql: "SELECT * FROM token_keys ORDER BY signs_from DESC").map { row in
            TokenKey(
                id: row["id"], publicKey: Array(row["public_key"] as Data), file: row["file"],
                publishedAt: (row["published_at"] as Stamp).date, signsFrom: (row["signs_from"] as Stamp).date,
                endsAt: (row["ends_at"] as Stamp?)?.date)
        }
    }
}
