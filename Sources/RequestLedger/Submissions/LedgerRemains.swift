internal import DurableFiles
internal import Foundation
internal import GRDB
public import RelayDelivery
public import RelayFormat

/// What a ledger still stands for: what would be lost with the dispatcher that keeps it.
public struct LedgerRemains: Sendable, Equatable {
    /// How many requests have no ending, or one that may still be resolved.
    public var open: Int
    /// How many idempotency keys still stand for their requests.
    public var keys: Int
    /// When the last of those keys ends whose requests have ended; nil when there is none.
    public var keysUntil: RelayTime?

    /// Whether nothing would be lost.
    public var isEmpty: Bool { open == 0 && keys == 0 }

    /// Looks into the ledger of a dispatcher that does not run; nil where there is no file.
    ///
    /// - Throws: `unavailable` where the file cannot be read, `damaged` where it is no ledger.
    public static func read(path: String, now: RelayTime) async throws(LedgerError) -> LedgerRemains? {
        try await Blocking.run { () throws(LedgerError) in
            guard FileManager.default.fileExists(atPath: path) else { return nil }
            do {
                var configuration = Configuration()
                configuration.label = "postern.ledger.remains"
                configuration.busyMode = .timeout(5)
                // A log that a killed process has left is read into the file, which a reader alone may not.
                let database = try DatabaseQueue(path: path, configuration: configuration)
                defer { try? database.close() }
                return try database.read { try Self.count(in: $0, at: now) }
            } catch {
                throw LedgerError(error)
            }
        }
    }

    private static func count(in database: Database, at now: RelayTime) throws -> LedgerRemains {
        let open = try Int.fetchOne(
            database,
            sql: "SELECT count(*) FROM request WHERE state = 'open' OR (state = 'unknown' AND standing = 4)")
        let keys = try Row.fetchOne(
            database,
            sql: """
                SELECT count(*) AS number, max(keep_until) AS latest FROM request
                WHERE idempotency_key IS NOT NULL AND (keep_until IS NULL OR keep_until > ?)
                """,
            arguments: [now.stored])
        return LedgerRemains(
            open: open ?? 0, keys: keys?["number"] ?? 0,
            keysUntil: (keys?["latest"] as Int64?).map { RelayTime(milliseconds: UInt64(max(0, $0))) })
    }
}
