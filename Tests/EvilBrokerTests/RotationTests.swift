import BrokerCore
import Connector
import Dispatcher
import RelayFormat
import RelayKeys
import RelaySealing
import SealedRelay
import Synchronization
import Testing

@Suite("Epochs that change under load", .timeLimit(.minutes(2)))
struct RotationTests {
    /// Calls without end, and what became of them.
    private final class Load: Sendable {
        private let state = Mutex<(count: Int, failures: [String], isOver: Bool)>((0, [], false))

        var count: Int { state.withLock { $0.count } }
        var failures: [String] { state.withLock { $0.failures } }
        func stop() { state.withLock { $0.isOver = true } }

        /// Calls until it is told to stop, some at a time and some hundred a second.
        func run(_ tenant: EvilTenant, _ classes: [RequestClass]) async {
            await withDiscardingTaskGroup { group in
                for worker in 0..<24 {
                    group.addTask {
                        var number = 0
                        while !self.state.withLock({ $0.isOver }) {
                            number += 1
                            let target = "/\(worker)/\(number)"
                            let result = await tenant.call(
                                target, class: classes[number % classes.count], within: .seconds(30))
                            self.state.withLock { state in
                                state.count += 1
                                if result.text != target { state.failures.append("\(target): \(result.outcome)") }
                            }
                            try? await Task.sleep(for: .milliseconds(40))
                        }
                    }
                }
            }
        }
    }

    @Test("by time, join, leave, revocation and new HPKE keys fail no call", arguments: BrokerKind.allCases)
    func rotation(kind: BrokerKind) async throws {
        try await EvilSite.run(kind) { site in
            site.broker.stopKeeping()
            let tenant = site.tenant("acme")
            let stays = try tenant.connector("stays")
            stays.start()
            #expect(await tenant.call("/first").text == "/first")
            let load = Load()
            async let calls: Void = load.run(tenant, [.safe, .keyed, .once])
            let begun = ContinuousClock.now
            for round in 0..<4 {
                // By time.
                try tenant.authority.cut(tenant.group)
                try await Task.sleep(for: .milliseconds(300))
                // One joins and works, and another one that never works is put out.
                let guest = try tenant.connector("guest-\(round)")
                guest.start()
                let idle = try tenant.connector("idle-\(round)")
                try await waitUntil("the guest works") { !guest.service.executed.isEmpty }
                try tenant.authority.leave(idle.identity.member, tenant.group)
                try await Task.sleep(for: .milliseconds(300))
                // The guest goes in good order, and is put out then.
                guest.session.drain(atMost: .seconds(5), note: "done")
                try await waitUntil("the guest has gone") { guest.session.isEndingByDrain && guest.isOver }
                try tenant.authority.leave(guest.identity.member, tenant.group)
            }
            load.stop()
            await calls
            let took = ContinuousClock.now - begun
            #expect(load.failures.isEmpty, "\(load.failures.prefix(5))")
            #expect(load.count > 100)
            print("rotation over \(kind): \(load.count) calls in \(took), \(load.failures.count) failed")
            let standing = stays.keeper.keyring.standing(of: tenant.group, at: site.clock.clock.now)
            #expect(standing.map { $0.mark.number > 16 } == true)
        }
    }

    @Test("let one that joins be the only one left a second later", arguments: BrokerKind.allCases)
    func onlySurvivor(kind: BrokerKind) async throws {
        try await EvilSite.run(kind) { site in
            site.broker.stopKeeping()
            let tenant = site.tenant("acme")
            var last = try tenant.connector("first")
            last.start()
            #expect(await tenant.call("/first").text == "/first")
            let load = Load()
            async let calls: Void = load.run(tenant, [.safe, .keyed])
            for round in 0..<3 {
                let next = try tenant.connector("next-\(round)")
                next.start()
                try await Task.sleep(for: .seconds(1))
                await last.kill()
                try tenant.authority.leave(last.identity.member, tenant.group)
                let gone = ContinuousClock.now
                #expect(await tenant.call("/survivor/\(round)", class: .once).connector == "next-\(round)")
                print("survivor over \(kind): answered \(ContinuousClock.now - gone) after the other's end")
                last = next
            }
            load.stop()
            await calls
            #expect(load.failures.isEmpty, "\(load.failures.prefix(5))")
            #expect(load.count > 50)
        }
    }
}
