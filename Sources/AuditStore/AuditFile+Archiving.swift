internal import AuditLog
internal import Foundation
internal import GRDB

extension AuditFile {
    /// Drops the bodies of the oldest rows, which somebody has exported; their hashes stay, and with them every head.
    ///
    /// - Returns: how many bodies were dropped.
    @discardableResult
    public func archive(_ log: String, before sequence: UInt64) async throws(AuditStoreError) -> Int {
        try await change { database in
            try database.execute(
                sql: "UPDATE entries SET body = NULL WHERE log = ? AND sequence < ? AND body IS NOT NULL",
                arguments: [log, Int64(clamping: sequence)])
            return database.changesCount
        }
    }

    /// The first row that is not older than the time; the size of the log where all are.
    public func firstRow(of log: String, since milliseconds: UInt64) async throws(AuditStoreError) -> UInt64 {
        try await read { database in
            let first = try Int64.fetchOne(
                database, sql: "SELECT min(sequence) FROM entries WHERE log = ? AND time >= ?",
                arguments: [log, Int64(clamping: milliseconds)])
            if let first { return UInt64(bitPattern: first) }
            return try Self.edge(of: log, in: database).0.size
        }
    }
}
