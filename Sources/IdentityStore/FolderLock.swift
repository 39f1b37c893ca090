internal import Foundation

/// A folder that this process has for itself until it ends, or until this value goes away.
///
/// The system lets go of it when the process dies in whatever way, so that none is ever left behind.
public final class FolderLock: Sendable {
    private let descriptor: Int32

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }
}

extension StateFolder {
    /// Takes the folder for this process; nil when another process has it.
    public func lock(_ name: String) throws(IdentityStoreError) -> FolderLock? {
        let descriptor = open(path + "/" + name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failed("open", path + "/" + name) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let isTaken = errno == EWOULDBLOCK
            defer { close(descriptor) }
            if isTaken { return nil }
            throw Self.failed("lock", path + "/" + name)
        }
        return FolderLock(descriptor: descriptor)
    }
}
