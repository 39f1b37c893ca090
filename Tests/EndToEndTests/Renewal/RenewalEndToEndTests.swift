import Foundation
import Testing

/// Renewal with the real programs: by itself, on order, under load, and after the end of a certificate.
@Suite("Renewal end to end", .serialized, .timeLimit(.minutes(10)))
struct RenewalEndToEndTests {
    @Test("a connector renews by itself, over and over, and no call notices")
    func byItself() async throws {
        try await Site.with(connectors: ["one"], tenantEnvironment: ["POSTERN_CERTIFICATE_LIFE": "12"]) { site in
            let old = try site.setAside("one")
            let load = SteadyLoad(site)
            try await load.run(until: { load.answered > 100 }) {
                try await site.waitUntilRenewed("one", to: 4, within: .seconds(50))
            }
            #expect(load.failures.isEmpty, "\(load.failures.prefix(5))")
            #expect(try await site.standing(of: old) != 200)
            try await site.expectUnharmed()
            #expect(site.connectors["one"]?.isRunning == true)
        }
    }

    @Test("renewals on order under load lose no call, and are in status and history")
    func onOrder() async throws {
        try await Site.with(connectors: ["one"]) { site in
            let old = try site.setAside("one")
            let before = try await site.identity(of: "one")
            let rehearsal = try await site.postern(["rotate", "--dry-run"], of: "one")
            #expect(rehearsal.status == 0 && rehearsal.output.contains("make a new key"), "\(rehearsal)")
            #expect(try await site.identity(of: "one") == before)
            let load = SteadyLoad(site)
            try await load.run(until: { load.answered > 200 }) {
                for generation in 2...4 {
                    let rotated = try await site.postern(["rotate"], of: "one")
                    #expect(rotated.status == 0 && rotated.output.contains("generation \(generation)"), "\(rotated)")
                }
            }
            #expect(load.failures.isEmpty, "\(load.failures.prefix(5))")
            try await site.expectOneIdentity("one", old: old)
            let history = try await site.postern(["identity", "history", "--json"], of: "one")
            #expect(history.output.components(separatedBy: #""outcome":"renewed""#).count == 4, "\(history)")
            let status = try await site.postern(["status", "--json"], of: "one")
            #expect(
                status.output.contains(#""generation" : 4"#) && status.output.contains("recovery_ends"), "\(status)")
        }
    }

    @Test("a certificate that ended while nobody was there is recovered, by the service and by the command")
    func recovered() async throws {
        try await Site.with(tenantEnvironment: ["POSTERN_CERTIFICATE_LIFE": "6"]) { site in
            for name in ["one", "two"] {
                #expect(try await site.register(name, try await site.invite()).status == 0)
            }
            let ended = try await site.identity(of: "two").notAfter
            let old = try site.setAside("one")
            try await waitUntil("both certificates have ended", within: .seconds(20)) { Date() > ended }
            #expect(try await site.standing(of: old) == 401)
            let rotated = try await site.postern(["rotate"], of: "two")
            #expect(rotated.status == 0 && rotated.output.contains("generation 2"), "\(rotated)")
            let history = try await site.postern(["identity", "history"], of: "two")
            #expect(history.output.contains("recovered"), "\(history)")
            try site.run("one")
            try await site.waitUntilOnline(1)
            #expect(try await site.call("recovered").status == 200)
            #expect(try await site.identity(of: "one").generation >= 2)
        }
    }

    @Test("a certificate that ends while the tenant is away is recovered when it is back, in the running service")
    func recoveredWhileRunning() async throws {
        try await Site.with(connectors: ["one"], tenantEnvironment: ["POSTERN_CERTIFICATE_LIFE": "8"]) { site in
            await site.kill(site.tenant)
            let identity = try await site.identity(of: "one")
            try await waitUntil("the certificate has ended", within: .seconds(30)) { Date() > identity.notAfter }
            try await waitUntil("the status says so", within: .seconds(20)) {
                let status = try await site.postern(["status"], of: "one").output
                return status.contains("recoverable until") && status.contains("register --replace")
            }
            try await site.serve()
            try await site.waitUntilOnline(1, within: .seconds(60))
            #expect(try await site.call("back").status == 200)
            #expect(try await site.identity(of: "one").generation > identity.generation)
            #expect(site.connectors["one"]?.isRunning == true)
        }
    }

    @Test("what ended too long ago says so and asks for a new registration")
    func tooLate() async throws {
        try await Site.with(tenantEnvironment: ["POSTERN_CERTIFICATE_LIFE": "8"]) { site in
            #expect(try await site.register("one", try await site.invite()).status == 0)
            await site.kill(site.tenant)
            let end = try await site.identity(of: "one").notAfter
            try await waitUntil("the certificate has ended", within: .seconds(20)) { Date() > end }
            for (file, pattern, text) in [
                (site.tenantFolder + "/installation.json", #""recovery_days"\s*:\s*\d+"#, #""recovery_days": 0"#),
                (site.state("one") + "/identity.json", #""not_after":"[^"]*""#, #""not_after":"2020-01-01T00:00:00Z""#),
            ] {
                let old = try String(contentsOfFile: file, encoding: .utf8)
                let new = old.replacingOccurrences(of: pattern, with: text, options: .regularExpression)
                #expect(old != new, "\(file): \(old)")
                try new.write(toFile: file, atomically: false, encoding: .utf8)
            }
            try await site.serve()
            let ran = try await site.postern(["rotate"], of: "one")
            #expect(ran.status == 6 && ran.errors.contains("recovery-over"), "\(ran)")
            #expect(ran.errors.contains("postern register --replace"), "\(ran)")
            try site.run("one")
            try await waitUntil("the service has ended", within: .seconds(20)) {
                site.connectors["one"]?.isRunning == false
            }
            let ended = await site.connectors["one"]?.wait()
            #expect(ended?.status == 6, "\(String(describing: ended))")
        }
    }

    @Test("of a copied state folder the second one that renews freezes both, and the running service stays")
    func copied() async throws {
        try await Site.with(connectors: ["one"]) { site in
            try FileManager.default.createDirectory(
                atPath: site.state("copy"), withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            for file in ["key.pem", "certificate.pem", "identity.json"] {
                try FileManager.default.copyItem(
                    atPath: site.state("one") + "/" + file, toPath: site.state("copy") + "/" + file)
            }
            #expect(try await site.postern(["rotate"], of: "one").status == 0)
            let copy = try await site.postern(["rotate"], of: "copy")
            #expect(copy.status == 6 && copy.errors.contains("frozen"), "\(copy)")
            let frozen = try await site.postern(["rotate"], of: "one")
            #expect(frozen.status == 6 && frozen.errors.contains("frozen"), "\(frozen)")
            try await waitUntil("the status says so", within: .seconds(20)) {
                let status = try await site.postern(["status"], of: "one")
                return status.status != 0 && status.output.contains("frozen")
            }
            #expect(site.connectors["one"]?.isRunning == true)
        }
    }
}
