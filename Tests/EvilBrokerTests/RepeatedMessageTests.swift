import BrokerCore
import Connector
import Dispatcher
import RelayFormat
import RelayKeys
import RelaySealing
import Testing

@Suite("A true message that the broker delivers again", .timeLimit(.minutes(2)))
struct RepeatedMessageTests {
    private static let classes: [RequestClass] = [.once, .keyed, .safe]

    /// Relays some requests of each class.
    private static func relay(_ tenant: EvilTenant, _ count: Int = 5) async {
        for requestClass in classes {
            for number in 0..<count {
                let target = "/\(requestClass)/\(number)"
                #expect(await tenant.call(target, class: requestClass).text == target)
            }
        }
    }

    /// How often each target was executed by all of these together.
    private static func executions(_ connectors: EvilConnector...) -> [String: Int] {
        var counts: [String: Int] = [:]
        for target in connectors.flatMap(\.service.executed) { counts[target, default: 0] += 1 }
        return counts
    }

    @Test("changes no answer, and runs nothing again but what is safe", arguments: EvilCase.allCases)
    func twice(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let tenant = site.tenant("acme")
            let connector = try tenant.connector("one")
            connector.start()
            await Self.relay(tenant)
            let spoken = site.broker.stored
            func payloads(from boot: BootID? = nil, _ kinds: MessageKind...) -> [[UInt8]] {
                spoken.filter { record in
                    kinds.contains { $0 == record.header?.kind } && (boot == nil || boot == record.header?.boot)
                }.map(\.payload)
            }
            let executed = connector.service.executed
            #expect(executed.count == 15)
            try await site.expectRefused(
                payloads(.grant, .receipt, .welcome), at: connector.inbox, by: connector.refusals, as: [.replayed],
                "what the dispatcher said")
            try await site.expectRefused(
                payloads(.claim, .response, .accepted), at: tenant.dispatcherInbox, by: tenant.refusals,
                as: [.replayed], "what the connector said")
            try await site.expectRefused(
                payloads(from: connector.identity.boot, .beat), at: .presence(tenant.id), by: tenant.refusals,
                as: [.replayed], "its beats")
            // A HELLO, an INVITE and a REQUEST may come again: nothing follows from it.
            let end = site.clock.clock.now + .seconds(600)
            let refused = (connector.refusals.total, tenant.refusals.total)
            for _ in 0..<2 {
                _ = await site.broker.deliver(payloads(.hello), to: tenant.dispatcherInbox, until: end)
                _ = await site.broker.deliver(
                    payloads(.invite) + payloads(.request), to: connector.inbox, until: end)
                _ = await site.broker.deliver(payloads(.request), to: tenant.queue, until: end)
            }
            #expect(await tenant.call("/after", class: .once).text == "/after")
            // What is safe may run again, once for each delivery; all else is known here.
            let again = connector.service.executed.dropFirst(executed.count)
            #expect(again.allSatisfy { $0.hasPrefix("/safe/") || $0 == "/after" })
            #expect(again.count <= 4 * 5 + 1 && again.filter { $0 == "/after" }.count == 1)
            #expect((connector.refusals.total, tenant.refusals.total) == refused)
        }
    }

    @Test(
        "to another member runs what is safe once for each delivery at most, and what must run once never",
        arguments: EvilCase.allCases)
    func toAnother(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let tenant = site.tenant("acme")
            // Both are of the epoch in which all of this happens; the other begins to work when it has happened.
            let one = try tenant.connector("one")
            let two = try tenant.connector("two")
            one.start()
            await Self.relay(tenant)
            let requests = site.broker.stored(.request).map(\.payload)
            two.start()
            try await waitUntil("the other is there") { await tenant.call("/warm").connector == "two" }
            let end = site.clock.clock.now + .seconds(600)
            // In the order of their making: what must run once comes first.
            for _ in 0..<2 {
                _ = await site.broker.deliver(requests, to: two.inbox, lane: .data, until: end)
                _ = await site.broker.deliver(requests, to: tenant.queue, until: end)
            }
            try await waitUntil("it has come to the last") { two.service.executed.contains("/safe/4") }
            try await waitUntil("its claims are turned down") {
                site.broker.stored(.cancel).contains { $0.place == two.inbox }
            }
            for number in 0..<10 {
                #expect(await tenant.call("/after/\(number)", class: .once).text == "/after/\(number)")
            }
            let counts = Self.executions(one, two)
            for number in 0..<5 {
                #expect(counts["/once/\(number)"] == 1)
                #expect(counts["/keyed/\(number)", default: 0] <= 2)
                #expect(counts["/safe/\(number)", default: 0] <= 1 + 4)
            }
            for number in 0..<10 { #expect(counts["/after/\(number)"] == 1) }
        }
    }

    @Test(
        "after a restart of its receiver, with its journal or without, runs nothing that must run once",
        arguments: EvilCase.allCases, [false, true])
    func afterRestart(evil: EvilCase, hasJournal: Bool) async throws {
        try await EvilSite.run(evil, .init(keepsLedger: hasJournal)) { site in
            let tenant = site.tenant("acme")
            let journal = hasJournal ? try await site.journal() : nil
            let old = try tenant.connector("one", journal: journal)
            old.start()
            await Self.relay(tenant)
            try await site.waitUntilSettled()
            let spoken = site.broker.stored
            await old.kill()
            // The same member comes back under the same epoch, without any memory or with what its disk has.
            let new = try tenant.connector(
                "one", member: old.identity.member, bootNumber: 2, keys: old.keys, journal: journal)
            new.start()
            #expect(await tenant.call("/back", class: .once).text == "/back")
            let orders = spoken.filter { [.grant, .receipt, .welcome].contains($0.header?.kind) }.map(\.payload)
            try await site.expectRefused(
                orders, at: new.inbox, by: new.refusals, as: [.commitment, .unknownSession],
                "orders for the process before")
            let requests = spoken.filter { $0.header?.kind == .request }.map(\.payload)
            let end = site.clock.clock.now + .seconds(600)
            for _ in 0..<2 { _ = await site.broker.deliver(requests, to: tenant.queue, until: end) }
            // What was in the old one's hand when it ended, if anything was, is settled by a claim of its own.
            try await waitUntil("it has come to what may run again") {
                new.service.executed.contains { $0.hasPrefix("/safe/") }
            }
            try await waitUntil("its claims are turned down") {
                site.broker.stored(.cancel).contains { $0.place == new.inbox }
            }
            #expect(await tenant.call("/after", class: .once).text == "/after")
            let counts = Self.executions(old, new)
            for number in 0..<5 {
                #expect(counts["/once/\(number)"] == 1)
                #expect(counts["/keyed/\(number)", default: 0] <= 2)
                #expect(counts["/safe/\(number)", default: 0] <= 1 + 2)
            }
        }
    }

    @Test("and late, and in the wrong order, changes no answer", arguments: EvilCase.allCases)
    func outOfOrder(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let tenant = site.tenant("acme")
            let connector = try tenant.connector("one")
            connector.start()
            #expect(await tenant.call("/first").text == "/first")
            site.broker.hold { _, header in header.kind != .beat }
            let calls = (0..<60).map { number in
                let requestClass = Self.classes[number % 3]
                return WatchedCall { await tenant.call("/\(number)", class: requestClass) }
            }
            let end = ContinuousClock.now + .seconds(50)
            while !calls.allSatisfy(\.isOver), ContinuousClock.now < end {
                try await Task.sleep(for: .milliseconds(20))
                // Everything backwards, and everything twice.
                await site.broker.pass { $0.reversed() + $0 }
            }
            await site.broker.release()
            for (number, call) in calls.enumerated() { #expect(await call.result.text == "/\(number)") }
            let counts = Self.executions(connector)
            for number in 0..<60 { #expect(counts["/\(number)"] == 1) }
        }
    }
}
