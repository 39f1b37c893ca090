internal import BrokerCore
internal import Foundation
internal import GRDB
internal import RelayFormat

extension Database {
    /// Makes one change; the statements are prepared once.
    func apply(_ operation: StoreOperation) throws {
        switch operation {
        case .insert(let record):
            try cachedStatement(sql: "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?)")
                .execute(arguments: [
                    Int64(clamping: record.number), record.place.tenant.description, record.place.group.description,
                    Int64(clamping: record.expiresAt.milliseconds), Data(record.payload),
                ])
        case .delete(let number):
            try cachedStatement(sql: "DELETE FROM record WHERE number = ?")
                .execute(arguments: [Int64(clamping: number)])
        }
    }

    /// Forgets what has expired.
    func deleteExpired(now: RelayTime) throws {
        try execute(
            sql: "DELETE FROM record WHERE expires <= ?", arguments: [Int64(clamping: now.milliseconds)])
    }

    /// Reads all records, the oldest first.
    func fetchRecords() throws -> [StoredRecord] {
        var records: [StoredRecord] = []
        let rows = try Row.fetchCursor(
            self, sql: "SELECT number, tenant, \"group\", expires, payload FROM record ORDER BY number")
        while let row = try rows.next() {
            let number: Int64 = row[0]
            let expires: Int64 = row[3]
            let payload: Data = row[4]
            guard let tenant = TenantID(row[1] as String), let group = GroupID(row[2] as String) else {
                throw SQLiteBrokerError(.cannotOpen, "record \(number) names no place")
            }
            records.append(
                StoredRecord(
                    number: UInt64(clamping: number), place: GroupPlace(tenant: tenant, group: group),
                    payload: [UInt8](payload),
                    expiresAt: expires == .max ? .never : RelayTime(milliseconds: UInt64(clamping: expires))))
        }
        return records
    }
}
