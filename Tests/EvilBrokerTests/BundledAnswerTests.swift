import BrokerCore
import Connector
import Dispatcher
import RelayFormat
import RelayKeys
import RelaySealing
import Testing

@Suite("Answers that travel as one message, in the broker's hands", .timeLimit(.minutes(2)))
struct BundledAnswerTests {
    private static let classes: [RequestClass] = [.once, .keyed, .safe]

    @Test(
        "are refused whichever byte is changed, and told to their callers once however often they come",
        arguments: EvilCase.allCases)
    func attacked(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let tenant = site.tenant("acme")
            let connector = try tenant.connector("one")
            connector.start()
            #expect(await tenant.call("/first").text == "/first")
            connector.service.hold(true)
            let calls = (0..<40).map { number in
                WatchedCall { await tenant.call("/\(number)", class: Self.classes[number % 3]) }
            }
            try await waitUntil("all are under way") { connector.service.executed.count == 41 }
            site.broker.hold { _, header in header.kind == .response }
            connector.service.hold(false)
            try await waitUntil("answers travel together") { site.broker.held.contains { $0.header?.isBundle == true } }
            let record = try #require(site.broker.held.first { $0.header?.isBundle == true })
            let header = try #require(record.header)
            #expect(header.correlation == .none && header.attempt == 0)

            for part in MessagePart.parts(of: record.payload, header, at: .inbox) {
                try await site.expectRefused(
                    part.flips(of: record.payload), at: record.place, lane: record.lane, by: tenant.refusals,
                    as: part.reasons, part.name)
            }
            var unbundled = record.payload
            unbundled[7] ^= 1
            try await site.expectRefused(
                [unbundled], at: record.place, lane: record.lane, by: tenant.refusals, as: [.commitment],
                "a bundle that is said to be one message")
            #expect(calls.allSatisfy { !$0.isOver }, "an altered answer was delivered")

            // Whatever is held comes twice, and backwards the second time.
            let (held, replayed) = (site.broker.held.count, tenant.refusals.reasons[.replayed, default: 0])
            await site.broker.release { $0 + $0.reversed() }
            for (number, call) in calls.enumerated() { #expect(await call.result.text == "/\(number)") }
            try await waitUntil("what came again is refused") {
                tenant.refusals.reasons[.replayed, default: 0] >= replayed + UInt64(held)
            }
            try await site.expectRefused(
                site.broker.stored(.response).map(\.payload), at: record.place, lane: record.lane, by: tenant.refusals,
                as: [.replayed], "all answers once more")
            #expect(Set(connector.service.executed).count == 41 && connector.service.executed.count == 41)
        }
    }
}
