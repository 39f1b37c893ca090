internal import Foundation

/// A folder that only its owner may enter, and plain files in it that only its owner may read.
///
/// Writing is atomic and flushed: after a crash a file has its old content or its new one.
public struct StateFolder: Sendable {
    public let path: String
    /// Under what private keys are sealed on their way to the disk.
    public let encryption: KeyEncryption

    /// Names a folder.
    ///
    /// - Parameter encryption: under what private keys are sealed on their way to the disk.
    public init(path: String, encryption: KeyEncryption = .none) {
        self.path = path
        self.encryption = encryption
    }

    /// Makes the folder if it is missing, and refuses one that is not safe.
    public func prepare() throws(IdentityStoreError) {
        if mkdir(path, 0o700) != 0, errno != EEXIST {
            let parent = (path as NSString).deletingLastPathComponent
            throw IdentityStoreError(
                .inputOutput, "The folder \(path) could not be made: \(Self.reason())",
                remedy: errno == ENOENT
                    ? "Make its parent first: mkdir -p '\(parent)'" : "Run as its owner, or choose another --state-dir."
            )
        }
        try check()
    }

    /// Whether the folder is there.
    public var exists: Bool { access(path, F_OK) == 0 }

    /// Refuses a folder that others may enter or that is another user's.
    public func check() throws(IdentityStoreError) {
        try Self.check(path, kind: S_IFDIR, safeMode: 0o700)
    }

    /// Reads a file of 1 MiB at most, out of its seal if it has one; nil if there is none.
    public func read(_ name: String) throws(IdentityStoreError) -> [UInt8]? {
        guard let stored = try readStored(name) else { return nil }
        return try encryption.opened(stored, as: name, in: path)
    }

    /// Reads what lies on the disk.
    func readStored(_ name: String) throws(IdentityStoreError) -> [UInt8]? {
        let file = path + "/" + name
        let descriptor = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        if descriptor < 0, errno == ENOENT { return nil }
        guard descriptor >= 0 else {
            if errno == ELOOP { try Self.check(file, kind: S_IFREG, safeMode: 0o600) }
            throw Self.failed("read", file)
        }
        defer { close(descriptor) }
        do { try Self.check(file, kind: S_IFREG, safeMode: 0o600) } catch {
            // Another process may have removed it since it was opened.
            if access(file, F_OK) != 0, errno == ENOENT { return nil }
            throw error
        }
        var content = [UInt8](repeating: 0, count: 1 << 20)
        var length = 0
        while length < content.count {
            let count = content.withUnsafeMutableBytes { buffer in
                Foundation.read(descriptor, buffer.baseAddress?.advanced(by: length), buffer.count - length)
            }
            guard count >= 0 else { throw Self.failed("read", file) }
            if count == 0 { break }
            length += count
        }
        return Array(content.prefix(length))
    }

    /// Replaces or makes a file: written beside it, flushed, renamed, the folder flushed.
    public func write(_ content: some Sequence<UInt8>, to name: String) throws(IdentityStoreError) {
        let file = path + "/" + name
        let fresh = file + ".new"
        guard unlink(fresh) == 0 || errno == ENOENT else { throw Self.failed("replace", fresh) }
        try create(fresh, content: try encryption.sealed(Array(content), as: name))
        guard rename(fresh, file) == 0 else { throw Self.failed("replace", file) }
        try flush()
    }

    /// Makes a file; returns false if one is there already.
    public func writeOnce(_ content: some Sequence<UInt8>, to name: String) throws(IdentityStoreError) -> Bool {
        let file = path + "/" + name
        let fresh = file + ".\(getpid()).new"
        guard unlink(fresh) == 0 || errno == ENOENT else { throw Self.failed("replace", fresh) }
        try create(fresh, content: try encryption.sealed(Array(content), as: name))
        defer { unlink(fresh) }
        // A hard link, unlike a rename, never replaces: of two processes one wins, and its file is whole.
        if link(fresh, file) != 0 {
            guard errno == EEXIST else { throw Self.failed("make", file) }
            return false
        }
        try flush()
        return true
    }

    /// Removes a file, if it is there.
    public func remove(_ name: String) throws(IdentityStoreError) {
        guard unlink(path + "/" + name) == 0 || errno == ENOENT else { throw Self.failed("remove", path + "/" + name) }
        try flush()
    }

    /// Moves a file to another folder on the same disk, where it replaces one of its name; nothing, if it is not there.
    func move(_ name: String, to other: StateFolder) throws(IdentityStoreError) {
        guard rename(path + "/" + name, other.path + "/" + name) == 0 || errno == ENOENT else {
            throw Self.failed("move", path + "/" + name)
        }
        try other.flush()
        try flush()
    }

    private func create(_ file: String, content: [UInt8]) throws(IdentityStoreError) {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failed("make", file) }
        defer { close(descriptor) }
        // The umask may have taken bits away from the owner.
        guard fchmod(descriptor, 0o600) == 0 else { throw Self.failed("make", file) }
        var written = 0
        while written < content.count {
            let count = content.withUnsafeBytes { buffer in
                Foundation.write(descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written)
            }
            guard count > 0 else { throw Self.failed("write", file) }
            written += count
        }
        guard fsync(descriptor) == 0 else { throw Self.failed("flush", file) }
    }

    func flush() throws(IdentityStoreError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failed("flush", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Self.failed("flush", path) }
    }

    static func check(_ path: String, kind: mode_t, safeMode: mode_t) throws(IdentityStoreError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw failed("look at", path) }
        guard status.st_mode & S_IFMT == kind else {
            throw IdentityStoreError(
                .notPlain, "\(path) is not a plain \(kind == S_IFDIR ? "folder" : "file")",
                remedy: "Look who put it there, then remove it.")
        }
        guard status.st_uid == geteuid() else {
            throw IdentityStoreError(
                .foreignOwner, "\(path) belongs to user \(status.st_uid), but this program runs as \(geteuid())",
                // Whoever is root by chance must not take a service's folder away from it.
                remedy: geteuid() == 0
                    ? "Run as that user: sudo -u '#\(status.st_uid)' …"
                    : "Run as that user, or mend it: sudo chown \(geteuid()) '\(path)'")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw IdentityStoreError(
                .unsafeMode, "\(path) has mode \(String(status.st_mode & 0o7777, radix: 8)), so others may get at it",
                remedy: "Mend it: chmod \(String(safeMode, radix: 8)) '\(path)'")
        }
    }

    static func failed(_ verb: String, _ path: String) -> IdentityStoreError {
        IdentityStoreError(
            .inputOutput, "Could not \(verb) \(path): \(reason())",
            remedy: "Look at the disk's space and at the folder's owner and mode.")
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
