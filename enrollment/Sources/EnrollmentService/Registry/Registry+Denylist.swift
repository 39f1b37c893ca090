internal import CertificateAuthority
internal import Foundation
internal import GRDB

/// What is denied, for as long as it could be shown to somebody.
extension Registry {
    /// For how many milliseconds a key is denied beyond its certificate's end: for as long as it may be renewed.
    var keyDenial: Int64 { Int64(max(Self.retention, recovery) * 1000) }
    /// How many certificates a list of revoked ones has at most; the newest are in it.
    static let longestRevocationList = 100_000

    /// The certificates that are revoked and have not ended, the newest first.
    func revocations(at now: Date) async throws -> [RevocationList.Entry] {
        try await database.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT value, added_at FROM denylist
                    WHERE kind = 'serial' AND ifnull(expires_at, ?1) >= ?1 ORDER BY added_at DESC, value LIMIT ?2
                    """,
                arguments: [Stamp(now), Self.longestRevocationList]
            ).compactMap { row in
                SerialNumber(row["value"]).map {
                    RevocationList.Entry(serial: $0, revokedAt: (row["added_at"] as Stamp).date)
                }
            }
        }
    }

    /// Forgets what is denied of certificates that have ended.
    func pruneDenylist(at now: Date, in database: Database) throws {
        try database.execute(sql: "DELETE FROM denylist WHERE expires_at < ?", arguments: [Stamp(now)])
    }
}
