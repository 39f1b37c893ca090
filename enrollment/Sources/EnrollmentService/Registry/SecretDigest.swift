internal import Foundation
internal import GRDB

/// The HMAC-SHA256 of a secret under the pepper.
///
/// Rows are found by it. How long that takes depends on the digest alone, which nobody without the pepper can aim at
/// a value; so an unknown secret and a wrong one look and last the same.
struct SecretDigest: Sendable, Hashable, DatabaseValueConvertible {
    let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    var databaseValue: DatabaseValue { Data(bytes).databaseValue }

    static func fromDatabaseValue(_ value: DatabaseValue) -> SecretDigest? {
        Data.fromDatabaseValue(value).map { SecretDigest(bytes: Array($0)) }
    }
}
