internal import BrokerCore
internal import GRDB

extension BrokerError {
    /// What a failed insertion means to its sender.
    ///
    /// Only a flush that failed leaves open whether the record will be there after a restart; a full disk and all other
    /// errors show before the commit is in the log.
    init(storing error: any Error) {
        if let error = error as? DatabaseError, error.extendedResultCode == .SQLITE_IOERR_FSYNC {
            self.init(.unknown, "\(error)")
        } else {
            self.init(.notPersisted, "\(error)")
        }
    }
}
