import Foundation
import Testing

/// What enrollment/README.md says of a backup, done by its own commands.
@Suite("Backup end to end", .serialized, .timeLimit(.minutes(3)))
struct BackupEndToEndTests {
    @Test("a backup taken under load serves from another folder: connectors, credentials and invitations are known")
    func restore() async throws {
        try await Site.with(connectors: ["one"]) { site in
            let invitation = try await site.invite()
            let known = try await site.connectorID(of: "one")
            // New groups and calls all the while.
            let load = Task {
                var registered = 0
                while !Task.isCancelled {
                    // What is under way when the load ends may fail.
                    _ = try? await site.ctl(["groups", "create", "load-\(registered)"])
                    _ = try? await site.call("load-\(registered)")
                    registered += 1
                }
                return registered
            }
            try await waitUntil("there is load", within: .seconds(20)) {
                try await site.ctl(["groups", "list"]).output.contains("load-1")
            }
            let backup = site.path("backup")
            let script = try Self.commands(from: site.tenantFolder, to: backup)
            let saved = try await Program.run("bash", ["-euc", script], in: site.folder)
            #expect(saved.status == 0, "\(saved.errors)")
            load.cancel()
            let count = await load.value
            #expect(count >= 2)

            // The machine is lost, and another one takes over under its name.
            let lost = try #require(site.tenant)
            lost.signal(SIGKILL)
            _ = await lost.wait()
            try FileManager.default.removeItem(atPath: site.tenantFolder)
            try FileManager.default.moveItem(atPath: backup, toPath: site.tenantFolder)
            try await site.serve()
            let listed = try await site.ctl(["connectors", "list"])
            #expect(listed.status == 0 && listed.output.contains(known), "\(listed.errors)\(listed.output)")
            #expect(try await site.ctl(["groups", "list"]).output.contains("load-0"))
            try await site.waitUntilOnline(1)
            #expect(try await site.call("after").status == 200)
            let registered = try await site.register("two", invitation)
            #expect(registered.status == 0, "\(registered.errors)")
            try await site.expectUnharmed()
        }
    }

    /// The commands of the section "Backup" in enrollment/README.md.
    private static func commands(from state: String, to backup: String) throws -> String {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../enrollment/README.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        let section = try #require(text.components(separatedBy: "## Backup").dropFirst().first)
        let block = try #require(section.components(separatedBy: "```").dropFirst().first)
        return block.replacing("/var/lib/postern-tenant", with: state).replacing("/backup/postern-tenant", with: backup)
    }
}
