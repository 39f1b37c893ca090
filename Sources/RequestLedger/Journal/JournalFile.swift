#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif
internal import RelayDelivery

/// The journal's file and its companions.
enum JournalFile {
    /// Moves a file that cannot be read, with its companions, out of the way.
    ///
    /// - Returns: where it is now.
    static func setAside(_ path: String, name: UInt64) throws(LedgerError) -> String {
        let target = "\(path).damaged-\(name)"
        for companion in ["", "-wal", "-shm"] where rename(path + companion, target + companion) != 0 {
            guard errno == ENOENT, !companion.isEmpty else {
                throw LedgerError(.damaged, "\(path) is damaged and stays: \(String(cString: strerror(errno)))")
            }
        }
        return target
    }
}
