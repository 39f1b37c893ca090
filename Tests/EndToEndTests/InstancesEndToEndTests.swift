import Foundation
import Testing

@Suite("Dispatchers of an installation", .serialized, .timeLimit(.minutes(2)))
struct InstancesEndToEndTests {
    private struct Row: Decodable {
        var name, state: String
        var address: String?
        var identity_key: String?
    }

    private func tenant(_ site: Site, _ arguments: [String]) async throws -> Program.Result {
        try await Program.run(
            "postern-tenant", arguments + ["--state-dir", site.tenantFolder], in: site.folder)
    }

    private func rows(_ site: Site) async throws -> [Row] {
        let listed = try await tenant(site, ["instances", "list", "--json"])
        try #require(listed.status == 0, "\(listed.errors)")
        return try JSONDecoder().decode([Row].self, from: Data(listed.output.utf8))
    }

    @Test("the first one is in the register while it runs, and is removed only when it is stopped and holds nothing")
    func register() async throws {
        try await Site.with(connectors: ["one"]) { site in
            try await waitUntil("it says where it is", within: .seconds(10)) {
                try await rows(site).first?.address == site.url
            }
            let row = try #require(try await rows(site).first)
            #expect(row.name == "default")
            #expect(row.state == "running")
            #expect(row.identity_key != nil)
            let running = try await tenant(site, ["instances", "remove", "default"])
            #expect(running.status == 2)
            #expect(running.errors.contains("stop it first"), "\(running.errors)")
            let last = try await tenant(site, ["instances", "retire", "default"])
            #expect(last.status == 2)
            #expect(last.errors.contains("the last instance"), "\(last.errors)")
            let unknown = try await tenant(site, ["instances", "remove", "nobody"])
            #expect(unknown.status == 2)

            // A key that lives on.
            let sent = try await site.http(
                "POST", "/v1/groups/site/submissions", key: site.key, headers: [("idempotency-key", "k-1")],
                body: #"{"service": "app", "method": "POST", "path": "/open/1"}"#)
            #expect([200, 202].contains(sent.status))
            site.tenant?.signal(SIGTERM)
            _ = await site.tenant?.wait()
            #expect(try await rows(site).first?.state == "not running")
            let held = try await tenant(site, ["instances", "remove", "default"])
            #expect(held.status == 2)
            #expect(held.errors.contains("1 living idempotency keys"), "\(held.errors)")
            let forgotten = try await tenant(site, ["instances", "remove", "default", "--forget"])
            #expect(forgotten.status == 0, "\(forgotten.errors)")
            #expect(try await rows(site).first?.state == "removed")
            let again = try await tenant(site, ["serve", "--listen", "127.0.0.1:\(site.port)"])
            #expect(again.status == 2)
            #expect(again.errors.contains("was removed for good"), "\(again.errors)")
        }
    }

    @Test("a second dispatcher beside an embedded queue is refused, and says what it needs")
    func embedded() async throws {
        try await Site.with { site in
            for (options, text) in [
                (["--instance", "b"], "need Kafka"), (["--instance", "../b"], "need Kafka"),
                (["--instance", "b", "--roles", "enrollment,broker"], "need Kafka"),
                (["--instance", "default"], "another process serves the queue"),
            ] {
                let refused = try await tenant(site, ["serve", "--listen", "127.0.0.1:0"] + options)
                #expect(refused.status == 2)
                #expect(refused.errors.contains(text), "\(refused.errors)")
            }
        }
    }
}
