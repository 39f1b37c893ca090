internal import GRDB
internal import RelayDelivery

extension LedgerError {
    /// What an error of the database means to those who use the ledger.
    init(_ error: any Error) {
        switch error {
        case let error as LedgerError: self = error
        case let error as DatabaseError
        where error.resultCode == .SQLITE_CORRUPT || error.resultCode == .SQLITE_NOTADB:
            self.init(.damaged, "\(error)")
        default: self.init(.unavailable, "\(error)")
        }
    }
}
