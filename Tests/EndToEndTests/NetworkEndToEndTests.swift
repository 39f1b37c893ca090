import Foundation
import Testing

/// The networks of real companies, with the real programs: proxies with passwords, proxies that open TLS, IPv6, clocks.
@Suite("Company networks end to end", .serialized, .timeLimit(.minutes(5)))
struct NetworkEndToEndTests {
    @Test(
        "a connector lives behind a proxy with a password: it registers, runs, is called, and nothing shows the password"
    )
    func tinyproxy() async throws {
        try await Site.with { site in
            let proxy = try Tinyproxy(in: site.folder, user: "gateway", password: "passw0rd")
            try await proxy.start()
            defer { proxy.kill() }
            // Percent-encoded, as a password with an @ would be.
            let (host, secret) = ("127.0.0.1:\(proxy.port)", "p%61ssw0rd")
            let through = ["HTTPS_PROXY": "http://gateway:\(secret)@\(host)", "NO_PROXY": ""]
            let invitation = try await site.invite()
            for (environment, words) in [
                (["HTTPS_PROXY": "http://\(host)"], "wants a user and password"),
                (["HTTPS_PROXY": "http://gateway:wrong@\(host)"], "does not accept this user and password"),
            ] {
                let refused = try await site.postern(
                    ["register", invitation], of: "one", environment: environment.merging(["NO_PROXY": ""]) { $1 })
                #expect(refused.status == 8 && refused.errors.contains("proxy-refused"), "\(refused.errors)")
                #expect(refused.errors.contains(words) && refused.errors.contains(host), "\(refused.errors)")
                let seen = try await site.doctor(
                    "one", ["--url", site.url, "--ca-pin", site.pin],
                    environment: environment.merging(["NO_PROXY": ""]) { $1 })
                #expect(seen.first_failure == "proxy" && seen["proxy"]?.note.contains(words) == true, "\(seen.rows)")
            }
            let registered = try await site.postern(
                ["register", invitation, "--name", "one"], of: "one", environment: through)
            #expect(registered.status == 0, "\(registered.errors)")
            _ = try site.healthyConfiguration()
            try site.run("one", configuration: "healthy.yaml", environment: through)
            try await site.waitUntilOnline(1)
            #expect(try await site.call("through", method: "POST").status == 200)
            let ping = try await site.postern(["ping"], of: "one")
            #expect(ping.status == 0, "\(ping.errors)")
            // A renewal by the service, while calls go through; and one by the command alone, on its own way out.
            let old = try site.setAside("one")
            let tunnels = proxy.tunnels(to: site.port)
            let rotated = try await site.postern(["rotate"], of: "one", environment: ["NO_PROXY": ""])
            #expect(rotated.status == 0 && rotated.output.contains("generation 2"), "\(rotated)")
            #expect(proxy.tunnels(to: site.port) > tunnels, "the new certificate has connections of its own")
            try await site.expectOneIdentity("one", old: old)
            #expect(try await site.register("alone", try await site.invite()).status == 0)
            let before = proxy.tunnels(to: site.port)
            let alone = try await site.postern(["rotate"], of: "alone", environment: through)
            #expect(alone.status == 0 && alone.output.contains("generation 2"), "\(alone)")
            #expect(proxy.tunnels(to: site.port) > before)
            for (environment, words) in [
                (["HTTPS_PROXY": "http://\(host)"], "wants a user and password"),
                (["HTTPS_PROXY": "http://gateway:wrong@\(host)"], "give user and password"),
            ] {
                let refused = try await site.postern(
                    ["rotate"], of: "alone", environment: environment.merging(["NO_PROXY": ""]) { $1 })
                #expect(refused.status == 8 && refused.errors.contains(words), "\(refused)")
            }
            let recovered = try await site.postern(["rotate"], of: "alone", environment: through)
            #expect(recovered.status == 0 && recovered.output.contains("generation 3"), "\(recovered)")
            let answer = try await site.doctor("one", environment: through)
            #expect(
                answer.healthy && answer["proxy"]?.note.contains("with user and password") == true, "\(answer.rows)")
            // The API and the link, both by name, and nothing past the proxy.
            #expect(proxy.log.components(separatedBy: "CONNECT localhost:\(site.port)").count > 3, "\(proxy.log)")

            site.connectors["one"]?.signal(SIGTERM)
            #expect(await site.connectors["one"]?.wait().status == 0)
            await proxy.stop()
            try site.run("one", configuration: "healthy.yaml", environment: through)
            let connector = try #require(site.connectors["one"])
            try await waitUntil("the missing proxy is named", within: .seconds(20)) {
                connector.errors.contains("Tenant not reached") && connector.errors.contains(host)
            }
            let down = try await site.doctor("one", environment: through)
            #expect(down.first_failure == "proxy" && down["proxy"]?.note.contains(host) == true, "\(down.rows)")
            try await proxy.start()
            try await site.waitUntilOnline(1, within: .seconds(60))
            for text in [
                connector.errors, connector.output, registered.output, rotated.output, rotated.errors, alone.output,
                answer["proxy"]?.note ?? "",
            ] {
                #expect(!text.contains("passw0rd") && !text.contains(secret) && !text.contains("Proxy-Authorization"))
            }
        }
    }

    @Test("the way past the proxy is taken for the hosts of NO_PROXY, and --proxy stands for HTTPS_PROXY")
    func exceptions() async throws {
        try await Site.with { site in
            let dead = "http://127.0.0.1:\(try Loopback.freePort())"
            let direct = try await site.doctor(
                "one", ["--url", site.url, "--ca-pin", site.pin],
                environment: ["HTTPS_PROXY": dead, "NO_PROXY": "example.org,localhost:\(site.port)"])
            #expect(direct.healthy && direct["proxy"]?.note.hasPrefix("none") == true, "\(direct.rows)")
            let option = try await site.doctor(
                "one", ["--url", site.url, "--ca-pin", site.pin, "--proxy", dead], environment: ["NO_PROXY": ""])
            #expect(option.first_failure == "proxy", "\(option.rows)")
            let address = "https://127.0.0.1:\(site.port)"
            let network = try await site.doctor(
                "one", ["--url", address, "--ca-pin", site.pin, "--proxy", dead, "--no-proxy", "127.0.0.0/8"])
            #expect(network.healthy, "\(network.rows)")
            let broken = try await site.doctor(
                "one", ["--url", site.url], environment: ["HTTPS_PROXY": "socks5://127.0.0.1:1", "NO_PROXY": ""])
            #expect(broken.first_failure == "proxy" && broken["proxy"]?.fix.contains("%40") == true, "\(broken.rows)")
        }
    }

    @Test(
        "mitmproxy on the way is named before the secret is sent, and named to a registered connector",
        .enabled(if: Mitmproxy.path != nil, "mitmproxy is not installed; ops/test installs it"))
    func mitmproxy() async throws {
        try await Site.with { site in
            try await Mitmproxy.with(in: site.folder) { mitm in
                let through = ["HTTPS_PROXY": "http://127.0.0.1:\(mitm.port)", "NO_PROXY": ""]
                let enrollment = try await site.enroll()
                let invitation = enrollment.invitation ?? ""
                let stopped = try await site.postern(["register", invitation], of: "one", environment: through)
                #expect(stopped.status == 8 && stopped.errors.contains("tls-issuer-pin-mismatch"), "\(stopped.errors)")
                #expect(
                    stopped.errors.contains("CN=mitmproxy") && stopped.errors.contains("intercepts TLS"),
                    "\(stopped.errors)")
                #expect(stopped.errors.contains("Nothing secret was sent"))
                // Without the issuer's pin the root's is right, since mitmproxy passes it on; TLS still does not fit.
                let secret = try site.write(enrollment.secret ?? "", to: "secret")
                let unpinned = try await site.postern(
                    ["register", "--url", site.url, "--account", "gw", "--secret-file", secret, "--ca-pin", site.pin],
                    of: "one", environment: through)
                #expect(unpinned.status == 8 && unpinned.errors.contains("CN=mitmproxy"), "\(unpinned.errors)")

                let seen = try await site.doctor(
                    "two", ["--url", site.url, "--ca-pin", site.pin], environment: through)
                #expect(
                    seen.first_failure == "tls" && seen["tls"]?.note.contains("CN=mitmproxy") == true, "\(seen.rows)")

                let registered = try await site.register("three", try await site.invite())
                #expect(registered.status == 0, "\(registered.errors)")
                let ping = try await site.postern(["ping"], of: "three", environment: through)
                #expect(ping.status == 8 && ping.errors.contains("CN=mitmproxy"), "\(ping.errors)")
                #expect(ping.errors.contains("expected is one below the tenant's own root"), "\(ping.errors)")
                let diagnosis = try await site.doctor("three", environment: through)
                #expect(diagnosis.first_failure == "tls", "\(diagnosis.rows)")
                #expect(diagnosis["tls"]?.note.contains("CN=mitmproxy") == true)
                _ = try site.healthyConfiguration()
                try site.run("three", configuration: "healthy.yaml", environment: through)
                let connector = try #require(site.connectors["three"])
                let ended = await connector.wait()
                #expect(ended.status == 8 && ended.errors.contains("CN=mitmproxy"), "\(ended.errors)")
                #expect(mitm.flows.contains("/v1/ca"))
                for text in ["pse_", "authorization", "/v1/enrollments", "BEGIN CERTIFICATE REQUEST"] {
                    #expect(!mitm.flows.contains(text), "mitmproxy has read \(text)")
                }
                #expect(site.tenant?.errors.contains("\"/v1/enrollments/nonces\"") == true)
            }
        }
    }

    @Test(
        "a tenant that is reached by an IPv6 address serves its connectors as any other",
        .enabled(if: Loopback.hasIPv6, "this machine has no ::1"))
    func addressesOfSixteenBytes() async throws {
        try await Site.with { site in
            let port = try Loopback.freePort()
            let (url, state) = ("https://[::1]:\(port)", site.path("six"))
            let made = try await Program.run(
                "postern-tenant",
                [
                    "init", "--state-dir", state, "--host", "::1", "--public-url", url, "--admin-file",
                    site.path("six.key"),
                ],
                in: site.folder)
            #expect(made.status == 0, "\(made.errors)")
            let tenant = try Program(
                "postern-tenant", ["serve", "--state-dir", state, "--listen", "[::1]:\(port)"], in: site.folder)
            let pin = try await Program.run(
                "postern-tenant", ["show", "--state-dir", state, "--field", "ca-pin"], in: site.folder
            ).output.trimmingCharacters(in: .whitespacesAndNewlines)
            func ctl(_ arguments: [String]) async throws -> Program.Result {
                try await Program.run(
                    "posternctl", arguments, in: site.folder, environment: ["POSTERNCTL_CONFIG": site.path("six.json")])
            }
            try await waitUntil("the tenant can be logged into", within: .seconds(20)) {
                try await ctl(["login", "--url", url, "--ca-pin", pin, "--key-file", site.path("six.key")]).status == 0
            }
            #expect(try await ctl(["groups", "create", "site"]).status == 0)
            #expect(try await ctl(["accounts", "create", "gw", "--group", "site"]).status == 0)
            let invitation = try await ctl(["enrollments", "create", "gw", "--quiet"]).output
            let registered = try await site.postern(
                ["register", invitation.trimmingCharacters(in: .whitespacesAndNewlines), "--name", "six"], of: "one")
            #expect(registered.status == 0, "\(registered.errors)")
            _ = try site.healthyConfiguration()
            // A dead proxy that only the network of the exceptions keeps out of the way.
            let dead = "http://127.0.0.1:\(try Loopback.freePort())"
            try site.run(
                "one", configuration: "healthy.yaml", environment: ["HTTPS_PROXY": dead, "NO_PROXY": "fd00::/8, ::/64"])
            try await waitUntil("the round trip is proven", within: .seconds(20)) {
                try await site.postern(["status"], of: "one").status == 0
            }
            let call = try await ctl(["call", "site", "app", "/open/six"])
            #expect(call.status == 0, "\(call.errors)")
            let answer = try await site.doctor("one", environment: ["NO_PROXY": "[::1]", "HTTPS_PROXY": dead])
            #expect(answer.healthy && answer["tcp"]?.note.contains("[::1]") == true, "\(answer.rows)")
            site.connectors["one"]?.signal(SIGTERM)
            _ = await site.connectors["one"]?.wait()
            tenant.signal(SIGTERM)
            _ = await tenant.wait()
        }
    }

    @Test("a clock that is hours wrong is named where TLS cannot forgive it, and worked around where it can")
    func wrongClock() async throws {
        try await Site.with { site in
            try await site.makeClockLibrary()
            func clock(hours: Int) -> [String: String] {
                ["LD_PRELOAD": site.clockLibrary, "WRONG_CLOCK_SECONDS": "\(hours * 3600)"]
            }
            let enrollment = try await site.enroll()
            let early = try await site.postern(
                ["register", enrollment.invitation ?? ""], of: "one", environment: clock(hours: -8))
            #expect(early.status == 8 && early.errors.contains("wrong-clock"), "\(early.errors)")
            #expect(
                early.errors.contains("8 h 0 min behind") && early.errors.contains("not valid yet"), "\(early.errors)")
            let known = try #require(try await site.enrollments()[enrollment.id])
            #expect(known.used == 0)
            let seen = try await site.doctor(
                "one", ["--url", site.url, "--ca-pin", site.pin], environment: clock(hours: -8))
            #expect(seen.first_failure == "clock" && seen["clock"]?.note.contains("8 h 0 min behind") == true)
            #expect(seen["tls"]?.note == "rests on clock", "\(seen.rows)")
            let late = try await site.postern(
                ["register", enrollment.invitation ?? ""], of: "one", environment: clock(hours: 24 * 900))
            #expect(late.status == 8 && late.errors.contains("expired") && late.errors.contains("days ahead"))

            // Thirty hours ahead: the server's certificate lasts longer, and its own is judged by the tenant's time.
            let ahead = try await site.postern(
                ["register", enrollment.invitation ?? "", "--name", "one"], of: "one", environment: clock(hours: 30))
            #expect(ahead.status == 0, "\(ahead.errors)")
            #expect(ahead.output.contains("30 h 0 min ahead") && ahead.output.contains("tenant's time is used"))
            _ = try site.healthyConfiguration()
            try site.run("one", configuration: "healthy.yaml", environment: clock(hours: 30))
            try await site.waitUntilOnline(1)
            #expect(try await site.call("late").status == 200)
            let running = try await site.doctor("one", environment: clock(hours: 30))
            #expect(running.healthy && running["clock"]?.status == "warn", "\(running.rows)")
            #expect(running["identity"]?.status == "ok", "\(running.rows)")
        }
    }
}
