import Foundation
import NIOHTTP1
import Testing

/// What is handed over with real commands, over the death of the tenant's process.
@Suite("Submissions end to end", .serialized, .timeLimit(.minutes(3)))
struct SubmissionEndToEndTests {
    @Test("a submission outlives its tenant, waits for a connector, is answered, and its webhook is told")
    func outlives() async throws {
        try await Site.with { site in
            let hook = "http://127.0.0.1:\(site.service.port)/hooks/billing"
            #expect(try await site.ctl(["webhooks", "create", "billing", "--url", hook]).status == 0)
            let submit = [
                "submit", "site", "app", "/open/kept", "-X", "POST", "-d", "three nails", "--webhook", "billing",
                "--idempotency-key", "order-1",
            ]
            let made = try await site.ctl(submit + ["--park-until", "10m", "--quiet"])
            try #require(made.status == 0, "\(made.errors)")
            let id = made.output.trimmingCharacters(in: .whitespacesAndNewlines)

            site.tenant?.signal(SIGKILL)
            _ = await site.tenant?.wait()
            try await site.serve()
            let waiting = try await site.ctl(["why", id])
            #expect(waiting.output.contains("its caller brought it"))
            #expect(waiting.output.contains("taken up from the ledger"))
            #expect(waiting.output.contains("It is waiting after 0 attempts"))
            #expect(waiting.output.contains("It waits for a connector of the group to take work"))
            #expect(try await site.ctl(["requests", "list", "--state", "open"]).output.contains(id))

            try await site.addConnector("one")
            let result = try await site.ctl(submit + ["--wait", "30s"])
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output.contains(id))
            #expect(result.output.contains("served /open/kept"))
            try await waitUntil("the webhook is told", within: .seconds(10)) {
                try await site.ctl(["requests", "show", id]).output.contains("billing, request.ended: delivered")
            }
            #expect(site.service.executions == ["/open/kept": 1, "/hooks/billing": 1])
            let json = try await site.ctl(["why", id, "--json"])
            #expect(json.output.contains(#""state" : "answered""#))
        }
    }

    @Test("a call under a key finds its answer after the tenant was killed")
    func keyedCall() async throws {
        try await Site.with(connectors: ["one"]) { site in
            let path = "/v1/groups/site/services/app/open/once"
            let first = try await site.http("POST", path, headers: [("idempotency-key", "k-1")], body: "a")
            #expect(first.status == 200)
            site.tenant?.signal(SIGKILL)
            _ = await site.tenant?.wait()
            try await site.serve()
            let again = try await site.http("POST", path, headers: [("idempotency-key", "k-1")], body: "a")
            #expect(again.status == 200)
            #expect(again.text == first.text)
            #expect(
                again.headers.first(name: "postern-request-id") == first.headers.first(name: "postern-request-id"))
            #expect(site.service.executions == ["/open/once": 1])
        }
    }

    @Test("a request is cancelled, and taken up again, by command")
    func steered() async throws {
        try await Site.with { site in
            let made = try await site.ctl(["submit", "site", "app", "/open/x", "--quiet"])
            let id = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(try await site.ctl(["requests", "cancel", id]).status == 0)
            let again = try await site.ctl(["requests", "cancel", id])
            #expect(again.status == 5)
            #expect(again.errors.contains("it has ended already: cancelled"))
            #expect(try await site.ctl(["requests", "list", "--state", "cancelled"]).output.contains(id))
            let redriven = try await site.ctl(["requests", "redrive", id, "--deadline", "5m"])
            #expect(redriven.status == 0)
            #expect(redriven.output.contains("open"))
            #expect(try await site.ctl(["why", "nonsense"]).status == 5)
            #expect(try await site.ctl(["submit", "site", "app", "/", "--webhook", "nobody"]).status == 5)
        }
    }
}
