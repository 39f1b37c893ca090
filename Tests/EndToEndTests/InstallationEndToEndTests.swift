import Foundation
import Testing

/// What an operator does with one installation, by the real programs.
@Suite("An installation end to end", .serialized, .timeLimit(.minutes(3)))
struct InstallationEndToEndTests {
    @Test("a second process that would serve the same queue is refused; when the first is killed, the next one serves")
    func oneProcess() async throws {
        try await Site.with { site in
            let arguments = ["serve", "--state-dir", site.tenantFolder, "--listen", "127.0.0.1:0"]
            let second = try await Program.run("postern-tenant", arguments, in: site.folder)
            #expect(second.status == 2)
            #expect(second.errors.contains("another process serves the queue"), "\(second.errors)")
            #expect(try await site.http("GET", "/readyz", key: nil).status == 200)

            let enrollment = try Program(
                "postern-tenant", arguments + ["--roles", "enrollment"], in: site.folder, as: "enrollment")
            try await waitUntil("the enrollment service runs beside it", within: .seconds(20)) {
                enrollment.errors.contains("Tenant is serving")
            }
            enrollment.signal(SIGTERM)
            #expect(await enrollment.wait().status == 0)

            site.tenant?.signal(SIGKILL)
            _ = await site.tenant?.wait()
            try await site.serve()
            #expect(try await site.http("GET", "/readyz", key: nil).status == 200)
        }
    }

    @Test("a webhook is registered, listed without its secret, and deleted by command")
    func webhooks() async throws {
        try await Site.with { site in
            let made = try await site.ctl(["webhooks", "create", "orders", "--url", "https://example.com/results"])
            #expect(made.status == 0, "\(made.errors)")
            #expect(made.output.contains("whsec_"))
            let local = try await site.ctl([
                "webhooks", "create", "local", "--url", "http://127.0.0.1:9/", "--quiet",
            ])
            #expect(local.output.hasPrefix("whsec_"))
            let refused = try await site.ctl(["webhooks", "create", "open", "--url", "http://example.com/"])
            #expect(refused.status == 4)
            #expect(refused.errors.contains("needs https"), "\(refused.errors)")
            let listed = try await site.ctl(["webhooks", "list"])
            #expect(listed.output.contains("https://example.com/results") && listed.output.contains("local"))
            #expect(!listed.output.contains("whsec_"))
            #expect(try await site.ctl(["webhooks", "delete", "orders"]).status == 0)
            #expect(try await site.ctl(["webhooks", "delete", "orders"]).status == 4)
            #expect(!(try await site.ctl(["webhooks"]).output.contains("orders")))
            // The tenant's log knows who did it, and never the secret.
            let log = site.tenant?.errors ?? ""
            #expect(log.contains("Webhook registered") && !log.contains("whsec_"))
        }
    }
}
