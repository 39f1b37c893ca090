public import AuditLog
internal import Foundation
internal import GRDB

/// Acts that have begun: written before the act, taken away by its entry, and turned into one if it never ended.
extension AuditFile {
    /// An act that has begun.
    public struct Intent: Sendable {
        let id: Int64
        /// The log in which it will stand.
        public let log: String
    }

    /// Puts on disk that an act begins.
    public func begin(_ event: AuditEvent, in log: String) async throws(AuditStoreError) -> Intent {
        let body = Data(AuditEntry(sequence: 0, previous: .empty, event: event).encoded)
        let time = Int64(clamping: event.milliseconds)
        return try await change { database in
            try database.cachedStatement(sql: "INSERT INTO intents (log, body, time) VALUES (?, ?, ?)")
                .execute(arguments: [log, body, time])
            return Intent(id: database.lastInsertedRowID, log: log)
        }
    }

    /// Puts on record how an act has ended.
    public func end(_ intent: Intent, as event: AuditEvent) async throws(AuditStoreError) {
        try await change { database in
            try database.cachedStatement(sql: "DELETE FROM intents WHERE id = ?").execute(arguments: [intent.id])
            try Self.append([event], to: intent.log, in: database)
        }
    }

    /// Puts the acts on record that began before the time and never ended.
    ///
    /// - Returns: how many there were.
    @discardableResult
    public func recordInterrupted(begunBefore time: UInt64) async throws(AuditStoreError) -> Int {
        try await change { database in
            let rows = try Row.fetchAll(
                database, sql: "SELECT id, log, body FROM intents WHERE time < ? ORDER BY id LIMIT 1000",
                arguments: [Int64(clamping: time)])
            for row in rows {
                try database.execute(sql: "DELETE FROM intents WHERE id = ?", arguments: [row["id"] as Int64])
                guard var event = AuditEntry(encoded: row["body"] as Data)?.event else { continue }
                event.outcome = .interrupted
                try Self.append([event], to: row["log"], in: database)
            }
            return rows.count
        }
    }
}
