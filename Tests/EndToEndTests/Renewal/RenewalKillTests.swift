import Foundation
import TestTools
import Testing

/// kill -9 while a certificate is renewed: the table of Documentation/Identity.md, walked with the real programs.
@Suite("Kills during a renewal", .serialized, .timeLimit(.minutes(60)))
struct RenewalKillTests {
    @Test(
        "a connector that is killed at any point of a renewal goes on by itself, with one identity",
        arguments: [false, true])
    func connectorKilled(keysInToken: Bool) async throws {
        try await Site.with(connectors: ["one"], keysInToken: keysInToken) { site in
            for point in Site.connectorPoints { try await site.killConnector("one", at: point) }
        }
    }

    @Test(
        "a command that is killed at any point of a renewal is gone on from by the next one", arguments: [false, true])
    func commandKilled(keysInToken: Bool) async throws {
        try await Site.with(keysInToken: keysInToken) { site in
            #expect(try await site.register("one", try await site.invite()).status == 0)
            for point in Site.connectorPoints {
                let (old, before) = (try site.setAside("one"), try await site.identity(of: "one").generation)
                let killed = try await site.postern(
                    ["rotate"], of: "one", environment: ["POSTERN_FAILPOINT": "\(point):1"])
                #expect(killed.status == SIGKILL, "\(point): \(killed)")
                let again = try await site.postern(["rotate"], of: "one")
                #expect(again.status == 0, "\(point): \(again)")
                let after = try await site.identity(of: "one").generation
                #expect(after > before && after <= before + 2, "\(point): from \(before) to \(after)")
                if keysInToken {
                    try site.expectOneKeyPair("one")
                    #expect(try await site.postern(["ping"], of: "one").status == 0, "\(point)")
                } else {
                    #expect(try await site.standing(of: old) == 409, "\(point)")
                    #expect(try await site.standing(of: try site.setAside("one")) == 200, "\(point)")
                }
            }
        }
    }

    @Test("a tenant that is killed at any point of a renewal loses no connector, and its lost answer is given again")
    func tenantKilled() async throws {
        try await Site.with(connectors: ["one"]) { site in
            for point in Site.tenantPoints { try await site.killTenant(at: point, renewing: "one") }
        }
    }

    /// `POSTERN_RENEWAL_ROUNDS` says how many rounds, `POSTERN_RENEWAL_SEED` repeats a run.
    @Test("random kills on both sides never leave a connector that needs a person, nor two identities")
    func randomKills() async throws {
        let environment = ProcessInfo.processInfo.environment
        let rounds = environment["POSTERN_RENEWAL_ROUNDS"].flatMap(Int.init) ?? 6
        let seed = environment["POSTERN_RENEWAL_SEED"].flatMap(UInt64.init) ?? 11_231_855_932_966_777_187
        print("random kills: seed \(seed), \(rounds) rounds")
        var random = SplitMix(seed: seed)
        try await Site.with(connectors: ["one"], logLevel: "info") { site in
            for round in 1...max(1, rounds) {
                switch Int.random(in: 0..<4, using: &random) {
                case 0:
                    let point = Site.connectorPoints.randomElement(using: &random) ?? Site.connectorPoints[0]
                    try await site.killConnector("one", at: point)
                case 1:
                    let point = Site.tenantPoints.randomElement(using: &random) ?? Site.tenantPoints[0]
                    try await site.killTenant(at: point, renewing: "one")
                case 2:
                    let delay = Int.random(in: 0...400, using: &random)
                    try await site.killDuringRenewal(after: .milliseconds(delay), tenant: false)
                default:
                    let delay = Int.random(in: 0...400, using: &random)
                    try await site.killDuringRenewal(after: .milliseconds(delay), tenant: true)
                }
                if round % 20 == 0 { print("random kills: \(round) rounds") }
            }
        }
    }
}

extension Site {
    /// Kills a connector's service at a point of the renewal that it is ordered to do, starts it again, and looks.
    fileprivate func killConnector(_ name: String, at point: String) async throws {
        await kill(connectors[name])
        try run(name, environment: ["POSTERN_FAILPOINT": "\(point):1"])
        try await waitUntilOnline(1)
        // What was online may still have been the process that was killed.
        try await waitUntil("the service answers", within: .seconds(20)) {
            try await self.postern(["status"], of: name).status == 0
        }
        let (old, before) = (try setAside(name), try await identity(of: name).generation)
        // The command itself would go on where the service was killed. The tenant may still see the process before, so
        // that this one does not listen yet (curl's status 7).
        try await waitUntil("the order is taken", within: .seconds(20)) {
            let order = try await Program.run(
                "curl",
                [
                    "-sS", "--max-time", "20", "-X", "POST", "--unix-socket", state(name) + "/control.sock",
                    "http://localhost/v1/rotate",
                ], in: folder)
            return order.status != 7
        }
        try await waitUntil("\(point) is reached", within: .seconds(20)) { self.connectors[name]?.isRunning == false }
        let ended = await connectors[name]?.wait()
        #expect(ended?.status == SIGKILL, "\(point)")
        try run(name)
        try await waitUntilOnline(1)
        // Before the key was there, nothing had begun; after it, the service goes on by itself. In a token it is there.
        let expected = point == "identity.key.before" && token == nil ? before : before + 1
        try await waitUntilRenewed(name, to: expected)
        #expect(try await identity(of: name).generation == expected, "\(point)")
        try await expectOneIdentity(name, old: old)
    }

    /// Kills the tenant at a point of a renewal, starts it again, and looks.
    fileprivate func killTenant(at point: String, renewing name: String) async throws {
        await kill(tenant)
        try await serve(environment: ["POSTERN_FAILPOINT": "\(point):1"])
        try await waitUntilOnline(1, within: .seconds(40))
        let (old, before) = (try setAside(name), try await identity(of: name).generation)
        let ordered = try await postern(["rotate"], of: name)
        #expect(ordered.status == 8, "\(point): \(ordered)")
        try await waitUntil("\(point) is reached", within: .seconds(20)) { self.tenant?.isRunning == false }
        let ended = await tenant?.wait()
        #expect(ended?.status == SIGKILL, "\(point)")
        try await serve()
        try await waitUntilRenewed(name, to: before + 1, within: .seconds(60))
        #expect(try await identity(of: name).generation == before + 1, "\(point)")
        try await waitUntilOnline(1, within: .seconds(40))
        try await expectOneIdentity(name, old: old)
    }

    /// Kills one side some time after a renewal was ordered, starts it again, and looks.
    fileprivate func killDuringRenewal(after delay: Duration, tenant isTenant: Bool) async throws {
        let (old, before) = (try setAside("one"), try await identity(of: "one").generation)
        let order = try Program("postern", ["rotate", "--state-dir", state("one")], in: folder)
        try await Task.sleep(for: delay)
        await kill(isTenant ? tenant : connectors["one"])
        _ = await order.wait()
        if isTenant { try await serve() } else { try run("one") }
        try await waitUntilOnline(1, within: .seconds(40))
        try await waitUntilRenewed("one", to: before, within: .seconds(60))
        let after = try await identity(of: "one").generation
        #expect(after == before || after == before + 1, "from \(before) to \(after)")
        try await expectOneIdentity("one", old: old)
    }
}
