import Foundation
import Testing

/// Metrics of both ends, read as Prometheus reads them.
@Suite("End to end: metrics", .serialized, .timeLimit(.minutes(3)))
struct MetricsEndToEndTests {
    @Test("a connector serves its metrics where its configuration says, on its own machine alone")
    func connector() async throws {
        try await Site.with { site in
            let port = try Loopback.freePort()
            func configure(_ listen: String) throws {
                try site.write(
                    """
                    metrics: {listen: "\(listen)"}
                    services:
                      app:
                        kind: http
                        target: http://127.0.0.1:\(site.service.port)
                        allow:
                          - {methods: [GET, HEAD, POST], paths: ["/open/**"]}
                    """, to: "metrics.yaml")
            }
            #expect(try await site.register("one", try await site.invite()).status == 0)
            for (listen, words) in [
                ("0.0.0.0:\(port)", "of this machine alone"), ("nonsense", "metrics.listen"),
                ("127.0.0.1:\(site.port)", "cannot serve metrics"),
            ] {
                try configure(listen)
                let refused = try await site.postern(["run", "--config", site.path("metrics.yaml")], of: "one")
                #expect(refused.status == 2 && refused.errors.contains(words), "\(listen): \(refused)")
            }
            try configure("127.0.0.1:\(port)")
            try site.run("one", configuration: "metrics.yaml")
            try await site.waitUntilOnline(1)
            #expect(try await site.call("measured").status == 200)
            #expect(try await site.postern(["rotate"], of: "one").status == 0)
            let lines = [
                #"postern_connector_state{connector="one",state="online"} 1"#,
                #"postern_connector_state{connector="one",state="frozen"} 0"#,
                #"postern_connector_requests_finished_total{connector="one"} 1"#,
                #"postern_connector_certificate_generation{connector="one"} 2"#,
                #"postern_connector_renewals_total{connector="one",outcome="renewed"} 1"#,
                #"postern_connector_certificate_recovery_ends_seconds{connector="one"}"#,
                #"postern_connector_round_trip_seconds{connector="one"}"#,
                "# TYPE postern_connector_requests_finished_total counter",
            ]
            try await waitUntil("the metrics say so", within: .seconds(20)) {
                let text = try await read(port, site)
                return lines.allSatisfy { text.contains($0) }
            }
            let pid = try #require(site.connectors["one"]?.pid)
            let listening = try await Program.run("ss", ["-Htnlp"], in: site.folder).output
                .split(separator: "\n").filter { $0.contains("pid=\(pid),") }
            #expect(listening.count == 1 && listening[0].contains("127.0.0.1:\(port)"), "\(listening)")
        }
    }

    @Test("a tenant serves its metrics where it is told to, the limits' among them")
    func tenant() async throws {
        try await Site.with(connectors: ["one"]) { site in
            let port = try Loopback.freePort()
            try await site.restartTenant(["--metrics", "127.0.0.1:\(port)"])
            try await site.waitUntilOnline(1)
            #expect(try await site.call("measured").status == 200)
            for _ in 0..<3 { _ = try await site.http("GET", "/v1/accounts", key: "psa_wrong") }
            let text = try await read(port, site)
            for line in [
                "postern_enrollment_failed_credentials_total 3",
                #"postern_enrollment_limited_total{class="registration",scope="source"} 0"#,
                "# TYPE postern_dispatcher_call_seconds histogram",
            ] { #expect(text.contains(line), "\(line) in \(text)") }
            #expect(text.contains(/postern_dispatcher_calls_total\{[^}]*outcome="answered"[^}]*\} 1\n/), "\(text)")
            let refused = try await Program.run(
                "postern-tenant",
                ["serve", "--state-dir", site.tenantFolder, "--listen", "127.0.0.1:0", "--metrics", "0.0.0.0:\(port)"],
                in: site.folder)
            #expect(refused.status == 2 && refused.errors.contains("of this machine alone"), "\(refused)")
        }
    }

    private func read(_ port: Int, _ site: Site) async throws -> String {
        try await Program.run(
            "curl", ["-sS", "--max-time", "10", "http://127.0.0.1:\(port)/metrics"], in: site.folder
        ).output
    }
}
