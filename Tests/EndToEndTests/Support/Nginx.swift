import Foundation

/// An nginx as the on-premise service; it answers `nginx` to everything under `/open/`.
final class Nginx {
    let port: Int
    private let folder: URL
    private var program: Program?

    init(in parent: URL) throws {
        port = try Loopback.freePort()
        folder = parent.appendingPathComponent("nginx")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map { "\($0)_temp_path \(folder.path);" }.joined(separator: " ")
        try """
        daemon off;
        pid \(folder.path)/pid;
        error_log \(folder.path)/error.log;
        events {}
        http {
            access_log off;
            \(temporary)
            server {
                listen 127.0.0.1:\(port);
                location /open/ { return 200 "nginx"; }
            }
        }
        """.write(to: folder.appendingPathComponent("nginx.conf"), atomically: true, encoding: .utf8)
    }

    /// Starts it and waits until it listens.
    func start() async throws {
        program = try Program(
            "nginx", ["-c", folder.path + "/nginx.conf", "-e", folder.path + "/error.log"], in: folder, as: "nginx")
        try await waitUntil("nginx listens", within: .seconds(10)) {
            guard let connection = try? await RawConnection.open(port: self.port) else { return false }
            await connection.close()
            return true
        }
    }

    /// Ends it and waits for that.
    func stop() async {
        program?.signal(SIGTERM)
        _ = await program?.wait()
        program = nil
    }
}
