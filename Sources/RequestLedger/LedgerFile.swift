#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif
internal import DurableFiles
internal import RelayDelivery

/// The ledger's file: readable by its owner alone, and held by one process at a time.
final class LedgerFile: Sendable {
    /// Where it is.
    let path: String
    private let lock: Int32

    /// Makes the file if it is not there, and locks it until this object is gone.
    ///
    /// The lock is on a file beside it: whoever closes any descriptor of SQLite's own file loses SQLite's locks on it.
    init(at path: String) throws(LedgerError) {
        self.path = path
        do throws(DurableFileError) {
            try PrivateFile.make(at: path)
            lock = try PrivateFile.descriptor(of: path + ".lock")
        } catch {
            throw LedgerError(.unavailable, error.message)
        }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno == EWOULDBLOCK ? "another process has it open" : String(cString: strerror(errno))
            _ = close(lock)
            throw LedgerError(.unavailable, "\(path): \(reason)")
        }
    }

    deinit { _ = close(lock) }

    /// Lets another process have it.
    func unlock() { _ = flock(lock, LOCK_UN) }
}
