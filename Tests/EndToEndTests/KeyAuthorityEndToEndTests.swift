import Foundation
import Testing

/// The Key Authority with the real programs: its key changes, and it moves away, while calls go on.
@Suite("The Key Authority end to end", .serialized, .timeLimit(.minutes(3)))
struct KeyAuthorityEndToEndTests {
    private func keyAuthority(_ site: Site, _ arguments: [String]) async throws -> Program.Result {
        try await Program.run("postern-tenant", ["keyauthority"] + arguments, in: site.folder)
    }

    @Test("connectors follow a rotated Key Authority, running ones and one that was off, and no call is lost")
    func rotation() async throws {
        try await Site.with(connectors: ["one", "two"]) { site in
            #expect(try await site.call("before").status == 200)
            let two = try #require(site.connectors["two"])
            two.signal(SIGTERM)
            _ = await two.wait()
            site.forget("two")
            for round in 0..<2 {
                let rotated = try await keyAuthority(
                    site, ["rotate", "--state-dir", site.tenantFolder, "--tenant", "default"])
                try #require(rotated.status == 0, "\(rotated.errors)")
                for number in 0..<10 { #expect(try await site.call("rotated-\(round)-\(number)").status == 200) }
            }
            let shown = try await keyAuthority(site, ["show", "--state-dir", site.tenantFolder])
            let pin = try #require(shown.output.split(separator: "\t").last).trimmingCharacters(in: .newlines)
            func knows(_ name: String) throws -> Bool {
                try String(contentsOfFile: site.state(name) + "/identity.json", encoding: .utf8).contains(pin)
            }
            try await waitUntil("the running connector has followed", within: .seconds(30)) { try knows("one") }
            #expect(try !knows("two"))
            try site.run("two")
            try await waitUntil("the other one has followed both", within: .seconds(30)) { try knows("two") }
            try await site.waitUntilOnline(2)
            let one = try #require(site.connectors["one"])
            one.signal(SIGTERM)
            _ = await one.wait()
            site.forget("one")
            try await site.waitUntilOnline(1)
            #expect(try await site.call("by-the-other").status == 200)
        }
    }

    @Test("a Key Authority on a machine of its own lets a new connector in, and the tenant has no key")
    func elsewhere() async throws {
        try await Site.with(connectors: ["one"]) { site in
            #expect(try await site.call("before").status == 200)
            let moved = try await keyAuthority(
                site,
                [
                    "move", "--state-dir", site.tenantFolder, "--tenant", "default", "--to", site.state("authority"),
                ])
            try #require(moved.status == 0, "\(moved.errors)")
            let left = try FileManager.default.contentsOfDirectory(atPath: site.tenantFolder)
            #expect(!left.contains { $0.hasPrefix("key-authority") })
            let tenant = try #require(site.tenant)
            tenant.signal(SIGTERM)
            _ = await tenant.wait()
            try await site.serve()
            try await site.waitUntilOnline(1)
            // The present epoch is still good.
            #expect(try await site.call("without").status == 200)
            let authority = try Program(
                "postern-tenant", ["serve", "--roles", "key-authority", "--state-dir", site.state("authority")],
                in: site.folder, as: "authority")
            try await site.addConnector("two")
            try await site.waitUntilOnline(2)
            let one = try #require(site.connectors["one"])
            one.signal(SIGTERM)
            _ = await one.wait()
            site.forget("one")
            try await site.waitUntilOnline(1)
            #expect(try await site.call("by-the-new-one").status == 200)
            authority.signal(SIGTERM)
            #expect(await authority.wait().status == 0)
        }
    }
}
