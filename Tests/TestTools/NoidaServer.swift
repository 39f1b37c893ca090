internal import Foundation

/// A server of Kafka's protocol in a process of its own (PyPI's noida-db): one for a test, in a folder of its own.
public final class NoidaServer {
    /// This machine has no free port.
    public struct NoPort: Error {}
    /// It did not come up.
    public struct NotUp: Error {
        /// What it said.
        public let log: String
    }

    /// The program itself, without the Python around it, which would leave it behind; nil where `ops/test` has not
    /// installed it.
    public static let program: String? = PythonPackages.data("noida_db/noida-db").map { url in
        // Made executable by the first start of the wrapper otherwise.
        try? FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: url.path)
        return url.path
    }

    /// Where it listens.
    public let port: UInt16
    private let folder: URL
    private let process = Process()

    /// Where it is reached.
    public var bootstrap: String { "127.0.0.1:\(port)" }

    /// Runs one for a test; it ends with the test.
    public static func with(_ body: (NoidaServer) async throws -> Void) async throws {
        let server = try NoidaServer()
        do {
            try await server.waitUntilUp()
            try await body(server)
        } catch {
            server.stop()
            throw error
        }
        server.stop()
    }

    private init() throws {
        port = try Self.freePort()
        folder = FileManager.default.temporaryDirectory.appending(path: "postern-noida-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let log = folder.appending(path: "output")
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        let output = try FileHandle(forWritingTo: log)
        process.executableURL = URL(filePath: Self.program ?? "noida-db")
        process.arguments =
            [
                "start", "--only", "kafka", "--kafka-port", "\(port)", "--data-dir", folder.path + "/data",
            ]
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    private func waitUntilUp() async throws {
        let end = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < end {
            if Self.answers(port: port) { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw NotUp(log: (try? String(contentsOf: folder.appending(path: "output"), encoding: .utf8)) ?? "")
    }

    private func stop() {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }

    /// Whether something accepts connections on a port of this machine.
    public static func answers(port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = loopback(port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    /// A TCP port that is free just now.
    public static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw NoPort() }
        defer { close(descriptor) }
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw NoPort() }
        return UInt16(bigEndian: address.sin_port)
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = port.bigEndian
        return address
    }
}
