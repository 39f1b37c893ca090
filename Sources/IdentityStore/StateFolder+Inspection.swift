internal import Foundation

extension StateFolder {
    /// All that is not as safe as it must be: the folder first, then what lies in it by name; empty when all is well.
    public func faults() -> [IdentityStoreError] {
        do throws(IdentityStoreError) {
            try check()
        } catch {
            return [error]
        }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.sorted().compactMap { name in
            var status = stat()
            let file = path + "/" + name
            // The control socket, and what came and went, are no files of ours.
            guard lstat(file, &status) == 0, [S_IFREG, S_IFLNK].contains(status.st_mode & S_IFMT) else { return nil }
            do throws(IdentityStoreError) {
                try Self.check(file, kind: S_IFREG, safeMode: 0o600)
                return nil
            } catch {
                return error
            }
        }
    }

    /// Writes a page into the folder, flushes it, and removes it again.
    ///
    /// - Returns: how long that took.
    public func measureFlush() throws(IdentityStoreError) -> Duration {
        let name = ".flush-probe.\(getpid())"
        let begun = ContinuousClock.now
        guard try writeOnce([UInt8](repeating: 0, count: 4096), to: name) else { return .zero }
        let took = ContinuousClock.now - begun
        try remove(name)
        return took
    }

    /// How many bytes are free for this user on the folder's disk; nil where the system does not say.
    public var freeBytes: UInt64? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }
}
