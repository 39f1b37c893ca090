#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif
internal import RelayDelivery

/// The journal's file, which its owner alone may read.
enum JournalFile {
    /// Makes the file if it is not there; SQLite gives its companions the same mode.
    static func make(at path: String) throws(JournalError) {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw JournalError(.unavailable, "\(path): \(String(cString: strerror(errno)))") }
        defer { _ = close(file) }
        guard fchmod(file, 0o600) == 0 else {
            throw JournalError(.unavailable, "\(path): \(String(cString: strerror(errno)))")
        }
    }

    /// Moves a file that cannot be read, with its companions, out of the way.
    ///
    /// - Returns: where it is now.
    static func setAside(_ path: String, name: UInt64) throws(JournalError) -> String {
        let target = "\(path).damaged-\(name)"
        for companion in ["", "-wal", "-shm"] where rename(path + companion, target + companion) != 0 {
            guard errno == ENOENT, !companion.isEmpty else {
                throw JournalError(.damaged, "\(path) is damaged and stays: \(String(cString: strerror(errno)))")
            }
        }
        return target
    }
}
