import Foundation

/// mitmproxy on 127.0.0.1, which opens TLS on the way with certificates of its own authority and writes down what it reads.
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

    /// All requests that it has read inside of TLS: their lines, fields and bodies.
    var flows: String {
        let data = (try? Data(contentsOf: folder.appendingPathComponent("flows"))) ?? Data()
        return String(decoding: data, as: UTF8.self)
    }

    /// Runs it in the way of a test; it ends with the test.
    static func with(in parent: URL, _ body: (Mitmproxy) async throws -> Void) async throws {
        let proxy = try Mitmproxy(in: parent)
        do {
            try await proxy.start()
            try await body(proxy)
        } catch {
            await proxy.stop()
            throw error
        }
        await proxy.stop()
    }

    private init(in parent: URL) throws {
        port = try Loopback.freePort()
        folder = parent.appendingPathComponent("mitmproxy")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try """
        def request(flow):
            with open("\(folder.path)/flows", "ab") as log:
                log.write(f"{flow.request.method} {flow.request.url}\\n".encode())
                log.write(bytes(flow.request.headers) + (flow.request.raw_content or b"") + b"\\n")

        """.write(to: folder.appendingPathComponent("record.py"), atomically: true, encoding: .utf8)
    }

    private func start() async throws {
        program = try Program(
            "env",
            [
                Self.path ?? "mitmdump", "--listen-host", "127.0.0.1", "--listen-port", "\(port)", "--ssl-insecure",
                "--set", "confdir=\(folder.path)", "-s", folder.path + "/record.py",
            ], in: folder, as: "mitmproxy")
        try await waitUntil("mitmproxy listens", within: .seconds(60)) {
            guard let connection = try? await RawConnection.open(port: self.port) else { return false }
            await connection.close()
            return true
        }
    }

    /// Kills it: it inherits that the tests' process blocks the kinder signals.
    private func stop() async {
        program?.signal(SIGKILL)
        _ = await program?.wait()
        program = nil
    }
}
