import Foundation

/// Debian's tinyproxy on 127.0.0.1, which lets nobody through without user and password.
final class Tinyproxy {
    let port: Int
    private let folder: URL
    private var program: Program?

    /// What it wrote about its connections.
    var log: String { (try? String(contentsOf: folder.appendingPathComponent("log"), encoding: .utf8)) ?? "" }

    /// How many tunnels it has been asked for to a port, by the name localhost.
    func tunnels(to port: Int) -> Int { log.components(separatedBy: "CONNECT localhost:\(port)").count - 1 }

    init(in parent: URL, user: String, password: String) throws {
        port = try Loopback.freePort()
        folder = parent.appendingPathComponent("tinyproxy")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try """
        Port \(port)
        Listen 127.0.0.1
        Timeout 600
        LogFile "\(folder.path)/log"
        LogLevel Connect
        PidFile "\(folder.path)/pid"
        MaxClients 50
        BasicAuth \(user) \(password)
        """.write(to: folder.appendingPathComponent("tinyproxy.conf"), atomically: true, encoding: .utf8)
    }

    /// Starts it and waits until it listens.
    func start() async throws {
        program = try Program("tinyproxy", ["-d", "-c", folder.path + "/tinyproxy.conf"], in: folder, as: "tinyproxy")
        try await waitUntil("tinyproxy listens", within: .seconds(10)) {
            guard let connection = try? await RawConnection.open(port: self.port) else { return false }
            await connection.close()
            return true
        }
    }

    /// Kills it: it inherits that the tests' process blocks the kinder signals.
    func kill() { program?.signal(SIGKILL) }

    /// Kills it and waits for that.
    func stop() async {
        kill()
        _ = await program?.wait()
        program = nil
    }
}
