import BrokerCore
import Connector
import Dispatcher
import RelayFormat
import RelayKeys
import RelaySealing
import SealedRelay
import Testing

@Suite("What was sealed before a member joined", .timeLimit(.minutes(1)))
struct LateMemberTests {
    @Test(
        "is given back as soon as its dispatcher is known, and answered without any time-out",
        arguments: EvilCase.allCases)
    func givenBack(evil: EvilCase) async throws {
        // No dispatch is looked after within the test.
        try await EvilSite.run(evil, .init(acceptance: .seconds(600))) { site in
            let tenant = site.tenant("acme")
            let first = try tenant.connector("first")
            first.start()
            #expect(await tenant.call("/first").text == "/first")
            // Its record would come to the other member, once this one is gone.
            try await site.waitUntilSettled()
            site.broker.hold { _, header in header.kind == .request }
            let targets = [RequestClass.safe, .keyed, .once].map { ("/\($0)", $0) }
            let calls = targets.map { target, requestClass in
                WatchedCall { await tenant.call(target, class: requestClass) }
            }
            try await waitUntil("all are on their way") { Set(site.broker.held.map(\.header?.correlation)).count == 3 }
            let requests = site.broker.held.map(\.payload)
            await site.broker.release { _ in [] }
            // All are in the queue, and who joins now is of none of their epochs; no dispatcher has greeted it.
            site.broker.hold { _, header in header.kind == .invite }
            let second = try tenant.connector("second")
            await first.kill()
            try tenant.authority.leave(first.identity.member, tenant.group)
            _ = await site.broker.deliver(
                requests, to: tenant.queue, lane: .data, until: site.clock.clock.now + .seconds(60))
            second.start()
            try await waitUntil("it cannot open them") {
                second.refusals.reasons[.expiredEpoch, default: 0] >= 3
                    && site.broker.held.contains { $0.place == second.inbox }
            }
            #expect(site.broker.stored(.return).isEmpty)
            #expect(calls.allSatisfy { !$0.isOver })
            let greeted = ContinuousClock.now
            await site.broker.release()
            for (call, target) in zip(calls, targets) { #expect(await call.result.text == target.0) }
            #expect(ContinuousClock.now - greeted < .seconds(5))
            #expect(site.broker.stored(.return).count == 3)
            #expect(Set(second.service.executed) == Set(targets.map(\.0)) && second.service.executed.count == 3)
        }
    }

    @Test("is kept no longer than it is of use, and there is no end of what a header may claim")
    func bounded() async throws {
        try await EvilSite.run(EvilCase(broker: .memory, suite: .x25519)) { site in
            let tenant = site.tenant("acme")
            let connector = try tenant.connector("one")
            connector.start()
            #expect(await tenant.call("/before", class: .once).text == "/before")
            let request = try #require(site.broker.stored(.request).last)
            // Requests of processes that there never were, under an epoch that nobody holds any more.
            let made = (0..<3000).map { _ in
                var changed = request.payload
                changed.replaceSubrange(40..<44, with: [0, 0, 0, 0])
                for position in Array(64..<80) + Array(104..<120) { changed[position] = .random(in: .min ... .max) }
                return changed
            }
            try await site.expectRefused(
                made, at: tenant.queue, lane: .data, by: connector.refusals, as: [.expiredEpoch], "made up")
            #expect(await tenant.call("/after", class: .once).text == "/after")
            #expect(site.broker.stored(.return).isEmpty)
        }
    }
}
