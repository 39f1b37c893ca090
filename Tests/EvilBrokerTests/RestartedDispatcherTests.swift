import BrokerCore
import Connector
import Dispatcher
import RelayDelivery
import RelayFormat
import RelayKeys
import RelaySealing
import Testing

@Suite("All that was ever said, said again to a dispatcher that has started again", .timeLimit(.minutes(2)))
struct RestartedDispatcherTests {
    private static let classes: [RequestClass] = [.once, .keyed, .safe]

    /// A tenant at work, whose dispatcher is ended while some of it is under way.
    private struct Scene {
        let site: EvilSite
        let old: EvilTenant
        let new: EvilTenant
        let connector: EvilConnector
        /// All that passed before the restart.
        let spoken: [OutgoingRecord]
        /// Those that had ended by then, and how.
        let ended: [RequestID: RequestEnding]
        /// One that had run when its answer was held back, and one that was held back itself.
        let ran: RequestID
        let waiting: RequestID

        init(_ site: EvilSite) async throws {
            self.site = site
            old = site.tenant("acme")
            connector = try old.connector("one", journal: try await site.journal())
            connector.start()
            var ended: [RequestID: RequestEnding] = [:]
            for requestClass in classes {
                for number in 0..<3 {
                    let target = "/\(requestClass)/\(number)"
                    #expect(await old.call("/call" + target, class: requestClass).text == "/call" + target)
                    let id = try await old.submit(target, class: requestClass)
                    let request = try #require(try await old.ended(id))
                    #expect(request.text == target)
                    ended[id] = request.ending
                }
            }
            site.broker.hold { _, header in header.kind == .response }
            ran = try await old.submit("/ran", class: .once)
            let (tenant, connector) = (old, connector)
            let caller = WatchedCall { await tenant.call("/caller", class: .once) }
            try await waitUntil("both have run") {
                Set(connector.service.executed).isSuperset(of: ["/ran", "/caller"])
            }
            site.broker.hold { _, header in header.kind == .response || header.kind == .request }
            waiting = try await old.submit("/waiting", class: .once)
            try await waitUntil("it is on its way") { site.broker.held.contains { $0.header?.kind == .request } }
            new = try await site.restartDispatcher(of: old)
            // With its process the connection of a caller ends.
            caller.cancel()
            #expect(await caller.result.failure == .cancelled)
            (spoken, self.ended) = (site.broker.stored, ended)
        }

        func payloads(_ kinds: MessageKind..., from boot: BootID? = nil) -> [[UInt8]] {
            spoken.filter { record in
                kinds.contains { $0 == record.header?.kind } && (boot == nil || boot == record.header?.boot)
            }.map(\.payload)
        }

        /// Nothing that had to run once ran twice, nothing that ended has another end, and true requests are answered.
        func end() async throws {
            for (id, target) in [(ran, "/ran"), (waiting, "/waiting")] {
                let request = try #require(try await new.ended(id))
                #expect(request.text == target)
                #expect(request.events.count { $0.kind == .answered } == 1)
            }
            for (id, ending) in ended {
                let request = try #require(try await new.ended(id))
                #expect(request.ending == ending)
                #expect(request.events.count { $0.kind == .answered } == 1)
            }
            for requestClass in classes {
                #expect(await new.call("/after/\(requestClass)", class: requestClass).text == "/after/\(requestClass)")
            }
            var counts: [String: Int] = [:]
            for target in connector.service.executed { counts[target, default: 0] += 1 }
            for number in 0..<3 {
                for prefix in ["", "/call"] {
                    #expect(counts[prefix + "/once/\(number)"] == 1)
                    #expect(counts[prefix + "/keyed/\(number)"] == 1)
                }
            }
            for target in ["/ran", "/caller", "/waiting", "/after/once", "/after/keyed"] {
                #expect(counts[target] == 1, "\(target)")
            }
        }
    }

    @Test(
        "ends no request, and runs nothing again, while what was under way is held back", arguments: EvilCase.allCases)
    func atOnce(evil: EvilCase) async throws {
        try await EvilSite.run(evil, .init(keepsLedger: true)) { site in
            let scene = try await Scene(site)
            let end = site.clock.clock.now + .seconds(600)
            // Before it knows anybody: answers first, of which one is the true answer to what is open, then all else.
            for _ in 0..<2 {
                for place in [scene.new.dispatcherInbox, .presence(scene.new.id)] {
                    _ = await site.broker.deliver(
                        scene.payloads(.response, .claim, .accepted, .hello, .beat), to: place, until: end)
                }
            }
            let refused = scene.payloads(.response).count
            try await waitUntil("all answers are refused") {
                let reasons = scene.new.refusals.reasons
                let count = reasons[.unknownSession, default: 0] + reasons[.commitment, default: 0]
                return count >= 2 * refused && reasons[.sessionMismatch, default: 0] >= 2
            }
            for id in [scene.ran, scene.waiting] {
                #expect(try await scene.new.dispatcher.result(of: id, waiting: .zero)?.ending == nil)
            }
            await site.broker.release()
            try await scene.end()
        }
    }

    @Test("is counted under its own reason", arguments: EvilCase.allCases)
    func counted(evil: EvilCase) async throws {
        try await EvilSite.run(evil, .init(keepsLedger: true)) { site in
            let scene = try await Scene(site)
            let (new, connector) = (scene.new, scene.connector)
            await site.broker.release()
            #expect(try await new.ended(scene.ran)?.text == "/ran")
            #expect(try await new.ended(scene.waiting)?.text == "/waiting")
            let beats = site.broker.stored(.beat).count
            try await waitUntil("it has heard a beat since") { site.broker.stored(.beat).count > beats + 4 }
            #expect(await new.call("/between", class: .once).text == "/between")

            let own = connector.identity.boot
            try await site.expectRefused(
                scene.payloads(.response, .claim, .accepted, .ping), at: new.dispatcherInbox, by: new.refusals,
                as: [.unknownSession, .commitment], "what was said in the sessions of the process before")
            try await site.expectRefused(
                scene.payloads(.hello), at: new.dispatcherInbox, by: new.refusals, as: [.sessionMismatch],
                "HELLOs to the process before")
            try await site.expectRefused(
                scene.payloads(.beat, from: own), at: .presence(new.id), by: new.refusals, as: [.replayed],
                "the connector's beats")
            try await site.expectRefused(
                scene.payloads(.beat, from: scene.old.party.boot), at: .presence(new.id), by: new.refusals,
                as: [.unknownEpoch], "the beats of the process before")
            try await site.expectRefused(
                scene.payloads(.request, .grant, .receipt, .welcome, .invite), at: new.dispatcherInbox,
                by: new.refusals, as: [.wrongKind], "what the process before said itself")
            try await site.expectRefused(
                scene.payloads(.grant, .receipt, .welcome), at: connector.inbox, by: connector.refusals,
                as: [.replayed], "its orders to the connector")
            // Requests may come again, to the group and to the connector: what is not safe is known there.
            let refused = new.refusals.total
            let end = site.clock.clock.now + .seconds(600)
            for _ in 0..<2 {
                for place in [new.queue, connector.inbox] {
                    _ = await site.broker.deliver(
                        scene.payloads(.request, .invite), to: place, lane: .data, until: end)
                }
            }
            try await scene.end()
            #expect(new.refusals.total == refused)
        }
    }

    @Test("lets a connector that is gone seem alive for no longer than its silence lasts", arguments: EvilCase.crossed)
    func oldBeats(evil: EvilCase) async throws {
        try await EvilSite.run(evil, .init(keepsLedger: true)) { site in
            let scene = try await Scene(site)
            await site.broker.release()
            #expect(try await scene.new.ended(scene.waiting)?.text == "/waiting")
            await scene.connector.kill()
            let last = try await site.restartDispatcher(of: scene.new)
            let beats = site.broker.stored(.beat).filter { $0.header?.boot == scene.connector.identity.boot }
            _ = await site.broker.deliver(
                beats.map(\.payload), to: .presence(last.id), until: site.clock.clock.now + .seconds(60))
            let call = WatchedCall { await last.call("/alone", class: .once) }
            let other = try last.connector("other")
            other.start()
            let alone = await call.result
            // Its answer may be faster than its first beat, which brings its name.
            #expect(["other", "\(other.identity.member)"].contains(alone.connector), "\(alone)")
            // A minute later they are too old for any process.
            site.turnClocks(by: .seconds(70))
            #expect(await last.call("/later", class: .once).connector == "other")
            try await site.expectRefused(
                beats.map(\.payload), at: .presence(last.id), by: last.refusals, as: [.stale, .replayed], "old beats")
            #expect(last.refusals.reasons[.stale, default: 0] > 0)
        }
    }
}
