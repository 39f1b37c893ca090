import Foundation
import Testing

/// Registrations that a person has to approve, on both consoles; and a new identity in the place of an old one.
@Suite("End to end: approval and replacement", .serialized, .timeLimit(.minutes(5)))
struct ApprovalEndToEndTests {
    private struct Waiting: Decodable {
        var id: String
        var display_name: String
        var key_words: String
    }

    private func pending(_ site: Site) async throws -> [Waiting] {
        // posternctl prints with the names of the API.
        let listed = try await site.ctl(["connectors", "list", "--pending", "--output", "json"])
        try #require(listed.status == 0, "\(listed.errors)")
        return try JSONDecoder().decode([Waiting].self, from: Data(listed.output.utf8))
    }

    private func begin(_ site: Site, _ name: String, _ invitation: String) throws -> Program {
        try Program(
            "postern",
            ["register", invitation, "--state-dir", site.state(name), "--name", name, "--wait", "2m"],
            in: site.folder)
    }

    @Test("both consoles show the same words; interrupted, the same command goes on; approved, it is registered")
    func approved() async throws {
        // Such a certificate is not dated back by minutes: it is of the future for whoever takes the time it began for now.
        try await Site.with(tenantEnvironment: ["POSTERN_CERTIFICATE_LIFE": "20"]) { site in
            let invitation = try await site.invite(["--approve"])
            let first = try begin(site, "one", invitation)
            try await waitUntil("it waits", within: .seconds(20)) { first.output.contains("Waiting until") }
            let waiting = try #require(try await pending(site).first)
            #expect(waiting.display_name == "one")
            #expect(first.output.contains(waiting.key_words), "\(first.output)")
            #expect(first.output.contains("posternctl connectors approve \(waiting.id)"))
            let table = try await site.ctl(["connectors", "list", "--pending"])
            #expect(table.output.contains(waiting.key_words))
            #expect(try await site.ctl(["connectors", "list"]).output.contains("no connectors"))
            first.signal(SIGINT)
            _ = await first.wait()
            let short = try await site.register("one", invitation, ["--wait", "1s"])
            #expect(short.status == 3 && short.errors.contains("pending-approval"), "\(short)")
            #expect(short.errors.contains(waiting.key_words) && short.errors.contains("same command again"))

            let second = try begin(site, "one", invitation)
            try await waitUntil("it waits again", within: .seconds(20)) { second.output.contains("Waiting until") }
            #expect(try await pending(site).map(\.id) == [waiting.id])
            let approved = try await site.ctl(["connectors", "approve", "one"])
            #expect(approved.status == 0 && approved.output.contains(waiting.key_words), "\(approved)")
            let done = await second.wait()
            #expect(done.status == 0 && done.output.contains("Registered."), "\(done)")
            #expect(try await site.connectorID(of: "one") == waiting.id)
            #expect(try await site.ctl(["connectors", "show", "one"]).output.contains(waiting.key_words))
            try site.run("one")
            try await site.waitUntilOnline(1)
            #expect(try await pending(site).isEmpty)
        }
    }

    @Test("rejected it ends with 6 and the reason; too late with 7; a new invitation goes")
    func refused() async throws {
        try await Site.with { site in
            let rejected = try begin(site, "one", try await site.invite(["--approve"]))
            try await waitUntil("it waits", within: .seconds(20)) { rejected.output.contains("Waiting until") }
            let told = try await site.ctl(["connectors", "reject", "one", "--reason", "wrong words"])
            #expect(told.status == 0, "\(told.errors)")
            let end = await rejected.wait()
            #expect(end.status == 6 && end.errors.contains("wrong words"), "\(end)")
            #expect(end.errors.contains("new invitation"))
            let unknown = try await site.ctl(["connectors", "approve", "one"])
            #expect(unknown.status == 4 && unknown.errors.contains("--pending"), "\(unknown)")

            let late = try begin(site, "one", try await site.invite(["--approve", "--approve-within", "3"]))
            let expired = await late.wait()
            #expect(expired.status == 7 && expired.errors.contains("Nobody approved"), "\(expired)")
            let invited = try await site.register("one", try await site.invite())
            #expect(invited.status == 0, "\(invited.errors)")
        }
    }

    @Test("a revoked connector comes back with --replace: its name stays, and the old files are kept aside")
    func replaceRevoked() async throws {
        try await Site.with(connectors: ["one"]) { site in
            let old = try await site.connectorID(of: "one")
            let busy = try await site.postern(["register", try await site.invite(), "--replace"], of: "one")
            #expect(busy.status == 2 && busy.errors.contains("Stop its service first"), "\(busy)")
            #expect(try await site.ctl(["connectors", "revoke", "one"]).status == 0)
            let ended = try #require(await site.connectors["one"]?.wait())
            #expect(ended.status == 6 && ended.errors.contains("--replace"))
            let invitation = try await site.invite()
            let plain = try await site.postern(["register", invitation], of: "one")
            #expect(plain.status == 4 && plain.errors.contains("--replace"), "\(plain)")
            let replaced = try await site.postern(["register", invitation, "--replace"], of: "one")
            #expect(replaced.status == 0 && replaced.output.contains("Connector \(old)"), "\(replaced)")
            #expect(replaced.output.contains("is revoked"))
            let new = try await site.connectorID(of: "one")
            #expect(new != old)
            #expect(FileManager.default.fileExists(atPath: site.state("one") + "/previous/identity.json"))
            let shown = try await site.ctl(["connectors", "show", new])
            #expect(shown.output.hasPrefix("connector") && shown.output.contains("one"), "\(shown.output)")
            let again = try await site.postern(["register", invitation, "--replace"], of: "one")
            #expect(again.status == 0 && again.output.contains("registered by this invitation before"), "\(again)")
            #expect(try await site.connectorID(of: "one") == new)
            try site.run("one")
            try await site.waitUntilOnline(1)
        }
    }

    @Test("a connector that is still valid gives itself up when it is replaced; a failed replacement changes nothing")
    func replaceValid() async throws {
        try await Site.with { site in
            #expect(try await site.register("one", try await site.invite()).status == 0)
            let old = try await site.connectorID(of: "one")
            let used = try await site.invite()
            #expect(try await site.register("other", used).status == 0)
            let failed = try await site.postern(["register", used, "--replace"], of: "one")
            #expect(failed.status == 7, "\(failed)")
            #expect(try await site.connectorID(of: "one") == old)
            let replaced = try await site.postern(["register", try await site.invite(), "--replace"], of: "one")
            #expect(replaced.status == 0 && replaced.output.contains("has given itself up"), "\(replaced)")
            let shown = try await site.ctl(["connectors", "show", old])
            #expect(shown.output.contains("replaced on its own machine"), "\(shown.output)")
            // Beyond recovery.
            try "nonsense".write(toFile: site.state("one") + "/identity.json", atomically: true, encoding: .utf8)
            _ = try await Program.run("chmod", ["600", site.state("one") + "/identity.json"], in: site.folder)
            let mended = try await site.postern(["register", try await site.invite(), "--replace"], of: "one")
            #expect(mended.status == 0 && mended.output.contains("could not be read"), "\(mended)")
            let unregistered = try await site.postern(["unregister"], of: "one")
            #expect(unregistered.status == 0, "\(unregistered.errors)")
            #expect(!FileManager.default.fileExists(atPath: site.state("one") + "/previous"))
        }
    }
}
