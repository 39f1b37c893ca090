import BrokerCore
import Connector
import RelayFormat
import RelayKeys
import RelaySealing
import SealedRelay
import Testing

@testable import Dispatcher

@Suite("Epochs that change under 500 calls a second", .timeLimit(.minutes(2)))
struct RotationTests {
    private static let rate = 500

    /// Runs something under load, and expects no call to fail.
    private static func run(
        _ what: String, _ evil: EvilCase, _ classes: [RequestClass],
        _ body: (EvilSite, EvilTenant, SteadyLoad, EvilConnector) async throws -> Void
    ) async throws {
        try await EvilSite.run(evil, .init(keepsLog: false)) { site in
            site.broker.stopKeeping()
            let tenant = site.tenant("acme")
            let first = try tenant.connector("first")
            first.start()
            #expect(await tenant.call("/first").text == "/first")
            let load = SteadyLoad(rate: rate)
            async let calls: Void = load.run(tenant, classes)
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await body(site, tenant, load, first)) } catch { outcome = .failure(error) }
            load.stop()
            await calls
            print("\(what) (\(evil.testDescription)): \(load.summary)")
            try outcome.get()
            #expect(load.failures.isEmpty, "\(load.failures.prefix(5))")
            #expect(load.offeredRate > Double(rate) * 0.98)
        }
    }

    @Test("by time, join, leave, revocation and new HPKE keys fail no call", arguments: EvilCase.crossed)
    func rotation(evil: EvilCase) async throws {
        try await Self.run("rotation", evil, [.safe, .keyed, .once]) { site, tenant, load, stays in
            for round in 0..<4 {
                // By time.
                try tenant.authority.cut(tenant.group)
                try await Task.sleep(for: .milliseconds(300))
                // One joins and works, and another one that never works is revoked.
                let guest = try tenant.connector("guest-\(round)")
                guest.start()
                let idle = try tenant.connector("idle-\(round)")
                try await waitUntil("the guest works") { !guest.service.executed.isEmpty }
                tenant.dispatcher.shutOut(idle.identity.member)
                try tenant.authority.leave(idle.identity.member, tenant.group)
                try await Task.sleep(for: .milliseconds(300))
                // Those that stay have their HPKE keys renewed, and another epoch for it.
                let renewed = MemberKeys(identity: stays.keys.identity, hpke: try HPKEPrivateKey(suite: evil.suite))
                stays.shelf.add(renewed)
                try tenant.authority.join(stays.identity.member, renewed, [tenant.group])
                try await Task.sleep(for: .milliseconds(200))
                // The guest goes in good order, and is put out then.
                guest.session.drain(atMost: .seconds(5), note: "done")
                try await waitUntil("the guest has gone") { guest.session.isEndingByDrain && guest.isOver }
                try tenant.authority.leave(guest.identity.member, tenant.group)
            }
            try await waitUntil("the last epoch is in use") {
                let standing = stays.keeper.keyring.standing(of: tenant.group, at: site.clock.clock.now)
                return standing.map { $0.mark.number > 24 } == true
            }
        }
    }

    @Test("let one that joins be the only one left a second later", arguments: EvilCase.crossed)
    func onlySurvivor(evil: EvilCase) async throws {
        // Whoever is killed while he has the leave for something that must not run twice takes its outcome with him.
        try await Self.run("survivors", evil, [.safe, .keyed]) { site, tenant, load, first in
            var last = first
            for round in 0..<3 {
                let next = try tenant.connector("next-\(round)")
                next.start()
                try await Task.sleep(for: .seconds(1))
                // The other is revoked in the midst of its work.
                tenant.dispatcher.shutOut(last.identity.member)
                await last.kill()
                try tenant.authority.leave(last.identity.member, tenant.group)
                let gone = ContinuousClock.now
                #expect(await tenant.call("/survivor/\(round)", class: .once).connector == "next-\(round)")
                print("survivor (\(evil.testDescription)): \(ContinuousClock.now - gone) after the other's end")
                last = next
            }
        }
    }
}
