import Foundation
import Testing

/// Private keys with the real programs: not in core dumps, not readable by a debugger, not in plain on the disk.
@Suite("Key protection end to end", .serialized, .timeLimit(.minutes(3)))
struct KeyProtectionEndToEndTests {
    @Test("neither program leaves a core dump behind")
    func coreDumps() async throws {
        try await Site.with { site in
            let registered = try await site.register("one", try await site.invite())
            #expect(registered.status == 0, "\(registered.errors)")
            _ = try site.healthyConfiguration()
            let hidden = ["POSTERN_ALLOW_DEBUGGER": ""]
            try site.run("one", configuration: "healthy.yaml", environment: hidden)
            let port = try Loopback.freePort()
            let enrollment = try Program(
                "postern-tenant",
                [
                    "serve", "--state-dir", site.tenantFolder, "--listen", "127.0.0.1:\(port)", "--roles", "enrollment",
                ], in: site.folder, environment: hidden)
            for process in [try #require(site.connectors["one"]), enrollment] {
                try await waitUntil("core dumps are off", within: .seconds(10)) {
                    let limits = try String(contentsOfFile: "/proc/\(process.pid)/limits", encoding: .utf8)
                    let core = limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") } ?? ""
                    return core.split(separator: " ").filter { $0 == "0" }.count == 2
                }
            }
            enrollment.signal(SIGTERM)
            _ = await enrollment.wait()
        }
    }

    @Test("other processes of its user cannot look into it, unless a debugger is asked for")
    func debuggers() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "postern-secrecy-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        defer { try? FileManager.default.removeItem(at: folder) }
        let pipe = folder.path + "/pipe"
        try #require(mkfifo(pipe, 0o644) == 0)
        // A process of root belongs to root in /proc in any case: somebody else's says more.
        let user: [String] =
            geteuid() == 0 ? ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] : []
        let mayRun = try await Program.run("env", user + ["test", "-x", Program.path("postern")], in: folder)
        guard mayRun.status == 0 else { return }
        for (exception, owner) in [("", UInt32(0)), ("1", geteuid() == 0 ? 65_534 : geteuid())] {
            // It waits for an invitation that nobody writes.
            let waiting = try Program(
                "env",
                user + [
                    Program.path("postern"), "doctor", "--invitation-file", pipe, "--state-dir", folder.path + "/none",
                ], in: folder, environment: ["POSTERN_ALLOW_DEBUGGER": exception])
            try await waitUntil("it belongs to \(owner)", within: .seconds(10)) {
                var status = stat()
                let command = try String(contentsOfFile: "/proc/\(waiting.pid)/comm", encoding: .utf8)
                return command == "postern\n" && stat("/proc/\(waiting.pid)/environ", &status) == 0
                    && status.st_uid == owner
            }
            waiting.signal(SIGKILL)
            _ = await waiting.wait()
        }
    }

    @Test("a key that systemd hands over seals the keys of both ends, plain ones at the next start")
    func sealed() async throws {
        try await Site.with { site in
            let credentials = site.path("credentials")
            try FileManager.default.createDirectory(atPath: credentials, withIntermediateDirectories: true)
            try Data((0..<32).map { _ in UInt8.random(in: .min ... .max) })
                .write(to: URL(filePath: credentials + "/postern-kek"))
            let handed = ["CREDENTIALS_DIRECTORY": credentials]
            let registered = try await site.register("one", try await site.invite())
            #expect(registered.status == 0, "\(registered.errors)")
            let key = site.state("one") + "/key.pem"
            #expect(try String(contentsOfFile: key, encoding: .utf8).contains("PRIVATE KEY"))
            _ = try site.healthyConfiguration()
            try site.run("one", configuration: "healthy.yaml", environment: handed)
            try await site.waitUntilOnline(1)
            func isSealed(_ path: String) -> Bool {
                (FileManager.default.contents(atPath: path) ?? Data()).starts(with: Data("PSEAL".utf8))
            }
            #expect(isSealed(key))
            // The running service has its key; who asks it needs none.
            #expect(try await site.postern(["status"], of: "one").status <= 1)
            #expect(try await site.postern(["ping"], of: "one").status == 0)
            site.connectors["one"]?.signal(SIGTERM)
            _ = await site.connectors["one"]?.wait()
            for command in [["identity"], ["ping"], ["run", "--config", site.path("healthy.yaml")]] {
                let refused = try await site.postern(command, of: "one")
                #expect(refused.status == 2 && refused.errors.contains("state-sealed"), "\(refused.errors)")
                #expect(refused.errors.contains("LoadCredentialEncrypted"), "\(refused.errors)")
            }
            let diagnosis = try await site.doctor("one")
            #expect(diagnosis.first_failure == "key-files", "\(diagnosis.rows)")
            #expect(try await site.postern(["ping"], of: "one", environment: handed).status == 0)
            #expect(try await site.doctor("one", environment: handed).healthy)

            let state = site.path("sealed-tenant")
            let made = try await Program.run(
                "postern-tenant",
                [
                    "init", "--state-dir", state, "--host", "localhost", "--public-url", "https://localhost:1",
                    "--admin-file", site.path("sealed.key"),
                ], in: site.folder, environment: handed)
            #expect(made.status == 0, "\(made.errors)")
            for name in try FileManager.default.contentsOfDirectory(atPath: state) {
                #expect(isSealed(state + "/" + name) == (name.hasSuffix(".key") || name == "pepper"), "\(name)")
            }
            let show = ["show", "--state-dir", state, "--field", "ca-pin"]
            let refused = try await Program.run("postern-tenant", show, in: site.folder)
            #expect(refused.status != 0 && refused.errors.contains("sealed"), "\(refused.errors)")
            #expect(try await Program.run("postern-tenant", show, in: site.folder, environment: handed).status == 0)
        }
    }
}
