import Foundation
import TestTools
import Testing

/// Keys in a token (SoftHSM2) with the real programs.
@Suite("Keys in a token end to end", .serialized, .timeLimit(.minutes(5)))
struct TokenEndToEndTests {
    @Test("a life with the key in a token: registration, calls, renewals, doctor, and nothing left at the end")
    func life() async throws {
        try await Site.with(keysInToken: true) { site in
            let token = try #require(site.token)
            let invitation = try await site.invite()
            let early = try await site.doctor(
                "one", ["--invitation-file", try site.write(invitation, to: "invitation")],
                environment: ["POSTERN_KEY": token.place])
            #expect(early["key-store"]?.note.contains("takes the PIN") == true, "\(early.rows)")
            let rehearsed = try await site.register("one", invitation, ["--dry-run"])
            #expect(rehearsed.status == 0 && rehearsed.output.contains("takes the PIN"), "\(rehearsed)")
            #expect(try token.keys().isEmpty)
            let registered = try await site.register("one", invitation)
            #expect(registered.status == 0, "\(registered)")
            try site.expectOneKeyPair("one")
            try expectNoPrivateKey(in: site.state("one"))
            let shown = try await site.postern(["identity"], of: "one")
            #expect(shown.output.contains("in the token of pkcs11:token=postern"), "\(shown)")
            let file = try site.healthyConfiguration()
            let before = try await site.doctor("one", configuration: file)
            #expect(before["key-store"]?.status == "ok", "\(before.rows)")

            try site.run("one", configuration: "healthy.yaml")
            try await site.waitUntilOnline(1)
            let load = SteadyLoad(site)
            try await load.run(until: { load.answered > 100 }) {
                for generation in 2...4 {
                    let rotated = try await site.postern(["rotate"], of: "one")
                    #expect(rotated.status == 0 && rotated.output.contains("generation \(generation)"), "\(rotated)")
                    try site.expectOneKeyPair("one")
                }
            }
            #expect(load.failures.isEmpty, "\(load.failures.prefix(5))")
            try await site.expectOneIdentity("one", old: try site.setAside("one"))
            try expectNoPrivateKey(in: site.state("one"))
            let healthy = try await site.doctor("one", configuration: file)
            #expect(healthy.healthy, "\(healthy.rows)")
            let given = try await site.postern(["unregister"], of: "one")
            #expect(given.status == 0 && given.errors.isEmpty, "\(given)")
            #expect(try token.keys().isEmpty && token.keys("pubkey").isEmpty)
        }
    }

    @Test("after a renewal that no call follows, the epoch that names the new key is taken at once")
    func quietRenewal() async throws {
        try await Site.with(connectors: ["one"], keysInToken: true) { site in
            for _ in 0..<3 {
                let before = try await site.epochNumber(of: "one")
                let rotated = try await site.postern(["rotate"], of: "one")
                #expect(rotated.status == 0, "\(rotated)")
                try await waitUntil("an epoch names the new key", within: .seconds(5)) {
                    try await site.epochNumber(of: "one") > before
                }
            }
            try await site.waitUntilOnline(1)
        }
    }

    @Test("what is wrong with token, module, PIN or place is said before the invitation is used")
    func refusals() async throws {
        try await Site.with(keysInToken: true) { site in
            let token = try #require(site.token)
            let invitation = try await site.invite()
            let wrong = site.path("wrong-pin")
            try "0000".write(toFile: wrong, atomically: false, encoding: .utf8)
            chmod(wrong, 0o600)
            let module = "module-path=\(SoftToken.module)"
            let cases: [(place: String, status: Int32, text: String)] = [
                ("pkcs11:token=postern?\(module)&pin-source=file:\(wrong)", 2, "token-pin-wrong"),
                ("pkcs11:token=postern?\(module)", 2, "token-pin-missing"),
                ("pkcs11:token=postern?\(module)&pin-value=\(SoftToken.pin)", 2, "lists of processes"),
                ("pkcs11:token=nobody?\(module)", 8, "token-missing"),
                ("pkcs11:token=postern?module-path=/nowhere.so", 2, "token-module-missing"),
                ("pkcs11:token=postern", 2, "token-uri-invalid"), ("tpm", 2, "token-uri-invalid"),
            ]
            for (place, status, text) in cases {
                let refused = try await site.register("one", invitation, ["--key", place])
                #expect(refused.status == status && refused.errors.contains(text), "\(place): \(refused)")
                #expect(!refused.errors.contains(SoftToken.pin))
            }
            // The PIN may come by the environment.
            let registered = try await Program.run(
                "postern",
                ["register", invitation, "--state-dir", site.state("one"), "--key", "pkcs11:token=postern?\(module)"],
                in: site.folder, environment: token.environment.merging(["POSTERN_KEY_PIN": SoftToken.pin]) { $1 })
            #expect(registered.status == 0, "\(registered)")
            try site.expectOneKeyPair("one")
        }
    }

    @Test("a copied state folder is worth nothing without the token, and says so")
    func stolen() async throws {
        try await Site.with(keysInToken: true) { site in
            #expect(try await site.register("one", try await site.invite()).status == 0)
            try FileManager.default.copyItem(atPath: site.state("one"), toPath: site.state("thief"))
            let other = try SoftToken(in: site.path("other"), label: "other")
            let file = try site.healthyConfiguration()
            for command in [["run", "--config", file], ["ping"], ["rotate"]] {
                let refused = try await site.postern(command, of: "thief", environment: other.environment)
                #expect(refused.status == 8 && refused.errors.contains("token-missing"), "\(command): \(refused)")
            }
            let diagnosis = try await site.doctor("thief", environment: other.environment)
            #expect(diagnosis.first_failure == "key-store", "\(diagnosis.rows)")
            // A token that only has the same name does not help either.
            let same = try SoftToken(in: site.path("same"))
            try same.write(pin: SoftToken.pin)
            let refused = try await site.postern(["ping"], of: "thief", environment: same.environment)
            #expect(refused.status == 2 && refused.errors.contains("token-key-missing"), "\(refused)")
            // Given up without the token, the key that nobody could destroy is named.
            let given = try await site.postern(["unregister", "--local"], of: "thief", environment: other.environment)
            #expect(given.status == 0 && given.errors.contains("was not destroyed"), "\(given)")
            #expect(try await site.postern(["ping"], of: "one").status == 0)
        }
    }

    @Test("a service outlives that its token is away, and goes on when it is back")
    func away() async throws {
        try await Site.with(connectors: ["one"], keysInToken: true) { site in
            let token = try #require(site.token)
            // A session needs a signature of its own: it is there when something was answered in it.
            #expect(try await site.call("before").status == 200)
            async let running = site.call("during", holding: "gate")
            try await waitUntil("it runs", within: .seconds(10)) { site.service.running == 1 }
            try token.move(away: true)
            site.service.openGate()
            let answer = try await running
            #expect(answer.status == 200, "\(answer)")
            let failed = try await site.postern(["rotate"], of: "one")
            #expect(failed.status == 8 && failed.errors.contains("token-missing"), "\(failed)")
            // Each beat needs a signature.
            try await site.waitUntilOnline(0)
            #expect(try await site.call("without").problem == "no_connector")
            try token.putBack()
            let rotated = try await site.postern(["rotate"], of: "one")
            #expect(rotated.status == 0, "\(rotated)")
            try site.expectOneKeyPair("one")
            try await site.waitUntilOnline(1)
            #expect(try await site.call("after").status == 200)
            #expect(site.service.executions["without"] == nil)
            #expect(site.connectors["one"]?.isRunning == true)
        }
    }

    @Test("a certificate that has ended is recovered by an assertion that the token signs")
    func recovered() async throws {
        try await Site.with(tenantEnvironment: ["POSTERN_CERTIFICATE_LIFE": "6"], keysInToken: true) { site in
            #expect(try await site.register("one", try await site.invite()).status == 0)
            let ended = try await site.identity(of: "one").notAfter
            try await waitUntil("the certificate has ended", within: .seconds(20)) { Date() > ended }
            let rotated = try await site.postern(["rotate"], of: "one")
            #expect(rotated.status == 0 && rotated.output.contains("generation 2"), "\(rotated)")
            let history = try await site.postern(["identity", "history"], of: "one")
            #expect(history.output.contains("recovered"), "\(history)")
            try site.expectOneKeyPair("one")
        }
    }

    @Test("a new identity in place keeps to the token, and leaves no key of what is forgotten")
    func replaced() async throws {
        try await Site.with(keysInToken: true) { site in
            let token = try #require(site.token)
            #expect(try await site.register("one", try await site.invite()).status == 0)
            for _ in 0..<2 {
                let replaced = try await site.postern(["register", try await site.invite(), "--replace"], of: "one")
                #expect(replaced.status == 0, "\(replaced)")
                // The present one, and the one in 'previous'.
                #expect(try token.keys().count == 2 && token.keys("pubkey").count == 2)
                try expectNoPrivateKey(in: site.state("one"))
            }
            let moved = try await site.postern(
                ["register", try await site.invite(), "--replace", "--key", "file"], of: "one")
            #expect(moved.status == 0, "\(moved)")
            #expect(try token.keys().count == 1)
            let key = try String(contentsOfFile: site.state("one") + "/key.pem", encoding: .utf8)
            #expect(key.contains("PRIVATE KEY"))
            #expect(try await site.postern(["unregister"], of: "one").status == 0)
            #expect(try token.keys().isEmpty && token.keys("pubkey").isEmpty)
        }
    }

    /// Looks into every file below a folder.
    private func expectNoPrivateKey(in folder: String, _ location: SourceLocation = #_sourceLocation) throws {
        var count = 0
        for case let name as String in try #require(FileManager.default.enumerator(atPath: folder)) {
            guard let content = FileManager.default.contents(atPath: folder + "/" + name) else { continue }
            count += 1
            #expect(content.range(of: Data("PRIVATE KEY".utf8)) == nil, "\(name)", sourceLocation: location)
            #expect(content.range(of: Data(SoftToken.pin.utf8)) == nil, "\(name)", sourceLocation: location)
        }
        #expect(count >= 3, sourceLocation: location)
    }
}

extension Site {
    /// The number of the newest key epoch that a connector uses.
    fileprivate func epochNumber(of name: String) async throws -> Int {
        struct Status: Decodable {
            struct Sealing: Decodable {
                struct Epoch: Decodable { var number: Int? }
                var epochs: [Epoch]
            }
            var sealing: Sealing
        }
        let answer = try await postern(["status", "--json"], of: name)
        let status = try JSONDecoder().decode(Status.self, from: Data(answer.output.utf8))
        return status.sealing.epochs.compactMap(\.number).max() ?? 0
    }
}
