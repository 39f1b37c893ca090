#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif
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
        lock = try Self.open(path + ".lock")
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno == EWOULDBLOCK ? "another process has it open" : String(cString: strerror(errno))
            _ = close(lock)
            throw LedgerError(.unavailable, "\(path): \(reason)")
        }
        do throws(LedgerError) {
            // SQLite gives the companions of the file the same mode.
            _ = close(try Self.open(path))
        } catch {
            _ = close(lock)
            throw error
        }
    }

    deinit { _ = close(lock) }

    /// Lets another process have it.
    func unlock() { _ = flock(lock, LOCK_UN) }

    private static func open(_ path: String) throws(LedgerError) -> Int32 {
        #if canImport(Glibc)
            let file = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        #else
            let file = Darwin.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        #endif
        guard file >= 0 else { throw LedgerError(.unavailable, "\(path): \(String(cString: strerror(errno)))") }
        guard fchmod(file, 0o600) == 0 else {
            let reason = String(cString: strerror(errno))
            _ = close(file)
            throw LedgerError(.unavailable, "\(path): \(reason)")
        }
        return file
    }
}
