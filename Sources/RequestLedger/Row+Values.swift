internal import GRDB
internal import RelayDelivery
internal import RelayFormat

/// The ledger's values in the columns of SQLite.
extension Row {
    /// Reads an identifier.
    func identifier<Tag>(_ column: String) throws(LedgerError) -> Identifier<Tag> {
        guard let text: String = self[column], let value = Identifier<Tag>(text) else { throw damaged(column) }
        return value
    }

    /// Reads an identifier where there is one.
    func optionalIdentifier<Tag>(_ column: String) throws(LedgerError) -> Identifier<Tag>? {
        guard let text: String = self[column] else { return nil }
        guard let value = Identifier<Tag>(text) else { throw damaged(column) }
        return value
    }

    /// Reads a moment.
    func time(_ column: String) throws(LedgerError) -> RelayTime {
        guard let value: Int64 = self[column], value >= 0 else { throw damaged(column) }
        return RelayTime(stored: value)
    }

    /// Reads a small number.
    func number(_ column: String) throws(LedgerError) -> UInt32 {
        guard let value: Int64 = self[column], let number = UInt32(exactly: value) else { throw damaged(column) }
        return number
    }

    /// Reads a case by its number.
    func value<Value: RawRepresentable>(
        _ column: String, as type: Value.Type = Value.self
    ) throws(LedgerError) -> Value where Value.RawValue == UInt8 {
        guard let raw: Int64 = self[column], let byte = UInt8(exactly: raw), let value = Value(rawValue: byte) else {
            throw damaged(column)
        }
        return value
    }

    private func damaged(_ column: String) -> LedgerError {
        LedgerError(.damaged, "a row of the ledger holds no \(column) that this version knows")
    }
}

extension RelayTime {
    /// Reads a column.
    init(stored: Int64) {
        self = stored == .max ? .never : RelayTime(milliseconds: UInt64(clamping: stored))
    }

    /// What stands in a column.
    var stored: Int64 { Int64(clamping: milliseconds) }
}
