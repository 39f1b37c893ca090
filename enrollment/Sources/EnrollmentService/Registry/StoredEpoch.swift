internal import Foundation
internal import GRDB

/// An epoch as the registry keeps it.
struct StoredEpoch: Sendable {
    /// Counts all epochs of the installation.
    let sequence: Int64
    let tenantID: String
    let groupID: String
    let number: UInt32
    let coreHash: [UInt8]
    let manifest: [UInt8]

    init(row: Row) {
        sequence = row["sequence"]
        tenantID = row["tenant_id"]
        groupID = row["group_id"]
        number = row["epoch"]
        coreHash = Array(row["core_hash"] as Data)
        manifest = Array(row["manifest"] as Data)
    }
}
