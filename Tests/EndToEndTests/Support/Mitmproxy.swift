import Foundation

/// mitmproxy on 127.0.0.1, which opens TLS on the way with certificates of its own authority and keeps all that it reads.
final class Mitmproxy {
    let port: Int
    private let folder: URL
    private var program: Program?

    /// The program in the Python environment that `ops/test` makes; nil if it is not there.
    static var path: String? {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
        let path = root.appending(path: ".build/python/bin/mitmdump").standardizedFileURL.path
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }

    /// The requests and answers that it has read, as it stores them.
    var flows: String {
        let data = (try? Data(contentsOf: folder.appendingPathComponent("flows"))) ?? Data()
        return String(decoding: data, as: UTF8.self)
    }

    /// The certificate of its authority.
    var authority: String { folder.path + "/mitmproxy-ca-cert.pem" }

    init(in parent: URL) throws {
        port = try Loopback.freePort()
        folder = parent.appendingPathComponent("mitmproxy")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    /// Starts it and waits until it listens.
    func start() async throws {
        program = try Program(
            "env",
            [
                Self.path ?? "mitmdump", "--listen-host", "127.0.0.1", "--listen-port", "\(port)", "--ssl-insecure",
                "--set", "confdir=\(folder.path)", "-w", folder.path + "/flows",
            ], in: folder, as: "mitmproxy")
        try await waitUntil("mitmproxy listens", within: .seconds(60)) {
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
