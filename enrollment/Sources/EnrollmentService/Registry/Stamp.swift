internal import Foundation
internal import GRDB

/// A time as the registry keeps it: milliseconds since 1970.
struct Stamp: Sendable, Hashable, DatabaseValueConvertible {
    let milliseconds: Int64

    init(_ date: Date) { milliseconds = Int64((date.timeIntervalSince1970 * 1000).rounded()) }

    private init(milliseconds: Int64) { self.milliseconds = milliseconds }

    var date: Date { Date(timeIntervalSince1970: Double(milliseconds) / 1000) }

    var databaseValue: DatabaseValue { milliseconds.databaseValue }

    static func fromDatabaseValue(_ value: DatabaseValue) -> Stamp? {
        Int64.fromDatabaseValue(value).map(Stamp.init(milliseconds:))
    }
}
