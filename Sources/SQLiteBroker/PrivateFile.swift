#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A file that its owner alone may read.
enum PrivateFile {
    /// Makes the file if it is not there; SQLite gives its companions the same mode.
    static func make(at path: String) throws(SQLiteBrokerError) {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw SQLiteBrokerError(.cannotOpen, "\(path): \(String(cString: strerror(errno)))") }
        defer { _ = close(file) }
        guard fchmod(file, 0o600) == 0 else {
            throw SQLiteBrokerError(.cannotOpen, "\(path): \(String(cString: strerror(errno)))")
        }
    }
}
