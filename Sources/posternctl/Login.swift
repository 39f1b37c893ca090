internal import Foundation

/// Where `posternctl` finds the tenant and who it is there; kept in a file for its owner alone.
struct Login: Codable {
    /// The tenant's URL.
    var url: String
    /// The SHA-256 of the installation's root certificate, as hex.
    var authorityPin: String?
    /// The root certificates to trust, PEM.
    var trustRoots: String?
    /// The administrator's credential or API key.
    var key: String

    enum CodingKeys: String, CodingKey {
        case url, key
        case authorityPin = "authority_pin"
        case trustRoots = "trust_roots"
    }

    /// The file: `$POSTERNCTL_CONFIG`, else `$XDG_CONFIG_HOME/postern/posternctl.json`, else under `~/.config`.
    static var path: String {
        let environment = ProcessInfo.processInfo.environment
        if let path = environment["POSTERNCTL_CONFIG"], !path.isEmpty { return path }
        let base = environment["XDG_CONFIG_HOME"] ?? (environment["HOME"] ?? ".") + "/.config"
        return base + "/postern/posternctl.json"
    }

    /// Reads the file.
    ///
    /// - Throws: `CommandFailure` with code 3 when there is none, 2 when others could read it.
    static func load() throws -> Login {
        let manager = FileManager.default
        guard manager.fileExists(atPath: path) else {
            throw CommandFailure(.notLoggedIn, "not logged in; run 'posternctl login' first (looked for \(path))")
        }
        let mode = try manager.attributesOfItem(atPath: path)[.posixPermissions] as? Int ?? 0
        guard mode & 0o077 == 0 else {
            throw CommandFailure(.usage, "\(path) can be read by others; mend it with: chmod 600 \(path)")
        }
        return try JSONDecoder().decode(Login.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// Writes the file with mode 0600, its folder with 0700 where it is made.
    func save() throws {
        let manager = FileManager.default
        let folder = (Self.path as NSString).deletingLastPathComponent
        try manager.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let scratch = Self.path + ".new"
        try? manager.removeItem(atPath: scratch)
        // Made with its mode: one that is set afterwards leaves the key to others for a moment.
        let descriptor = open(scratch, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CommandFailure(.unexpected, "cannot write \(scratch)") }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try file.write(contentsOf: try JSONEncoder().encode(self))
        try file.synchronize()
        guard rename(scratch, Self.path) == 0 else {
            throw CommandFailure(.unexpected, "cannot rename \(scratch) to \(Self.path)")
        }
    }
}
