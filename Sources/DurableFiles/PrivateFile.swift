#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A file that its owner alone may read.
public enum PrivateFile {
    /// Makes the file if it is not there; SQLite gives its companions the same mode.
    public static func make(at path: String) throws(DurableFileError) {
        _ = close(try descriptor(of: path))
    }

    /// Opens the file for writing, and makes it if it is not there; a symbolic link is refused.
    ///
    /// - Returns: the descriptor, which is the caller's to close.
    public static func descriptor(of path: String) throws(DurableFileError) -> Int32 {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw DurableFileError("\(path): \(String(cString: strerror(errno)))") }
        guard fchmod(file, 0o600) == 0 else {
            let reason = String(cString: strerror(errno))
            _ = close(file)
            throw DurableFileError("\(path): \(reason)")
        }
        return file
    }
}
