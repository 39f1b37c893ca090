import BrokerCore
import Connector
import Dispatcher
import RelayFormat
import RelayKeys
import RelaySealing
import SealedRelay
import Testing

@Suite("A true message that the broker delivers where or when it must not", .timeLimit(.minutes(2)))
struct MisdeliveredMessageTests {
    @Test("is refused by another group, another tenant and at another kind of place", arguments: EvilCase.allCases)
    func elsewhere(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let (acme, other) = (site.tenant("acme"), site.tenant("other"))
            let own = try acme.connector("own")
            let neighbour = try acme.connector("neighbour", groups: [acme.otherGroup])
            let foreigner = try other.connector("foreigner")
            for connector in [own, neighbour, foreigner] { connector.start() }
            for requestClass in [RequestClass.safe, .keyed, .once] {
                #expect(await acme.call("/\(requestClass)", class: requestClass).text == "/\(requestClass)")
            }
            #expect(await acme.call("/neighbour", group: acme.otherGroup).text == "/neighbour")
            #expect(await other.call("/foreigner").text == "/foreigner")
            try await waitUntil("all calls have their receipts") { own.isIdle && neighbour.isIdle && foreigner.isIdle }
            let spoken = site.broker.stored.filter { $0.header?.group == acme.group }
            func payloads(_ kinds: MessageKind...) -> [[UInt8]] {
                spoken.filter { record in kinds.contains { $0 == record.header?.kind } }.map(\.payload)
            }
            let otherQueue = Place.group(GroupPlace(tenant: acme.id, group: acme.otherGroup))
            let requests = payloads(.request)
            let orders = payloads(.grant, .receipt, .welcome)
            let answers = payloads(.hello, .claim, .response)
            #expect(requests.count >= 3 && orders.count >= 3 && answers.count >= 4)
            let beats = payloads(.beat)

            // Another group of the same tenant.
            try await site.expectRefused(
                requests, at: otherQueue, by: neighbour.refusals, as: [.foreignGroup], "requests in another queue")
            try await site.expectRefused(
                requests + payloads(.invite), at: neighbour.inbox, by: neighbour.refusals, as: [.unknownEpoch],
                "requests in the inbox of another group's connector")
            try await site.expectRefused(
                orders, at: neighbour.inbox, by: neighbour.refusals, as: [.unknownSession],
                "orders in the inbox of another connector")
            // Another tenant.
            try await site.expectRefused(
                requests, at: other.queue, by: foreigner.refusals, as: [.foreignTenant], "requests to another tenant")
            try await site.expectRefused(
                requests + orders + payloads(.invite), at: foreigner.inbox, by: foreigner.refusals,
                as: [.foreignTenant], "an inbox of another tenant")
            try await site.expectRefused(
                answers, at: other.dispatcherInbox, by: other.refusals, as: [.foreignTenant],
                "answers to another tenant")
            try await site.expectRefused(
                beats, at: .presence(other.id), by: other.refusals, as: [.foreignTenant], "beats to another tenant")
            // Another kind of place.
            try await site.expectRefused(
                requests + orders + beats, at: acme.dispatcherInbox, by: acme.refusals, as: [.wrongKind],
                "the dispatcher's own words and beats in its inbox")
            try await site.expectRefused(
                answers + orders + beats, at: acme.queue, by: own.refusals, as: [.wrongKind],
                "other things than requests in the queue")
            try await site.expectRefused(
                answers + requests + orders, at: .presence(acme.id), by: acme.refusals, as: [.wrongKind],
                "other things than beats in presence")
            try await site.expectRefused(
                answers + beats, at: own.inbox, by: own.refusals, as: [.wrongKind], "its own words in its inbox")

            #expect(neighbour.service.executed == ["/neighbour"])
            #expect(foreigner.service.executed == ["/foreigner"])
            #expect(own.service.executed.count == 3)
            #expect(await acme.call("/again", class: .once).text == "/again")
            #expect(await acme.call("/again", class: .once, group: acme.otherGroup).text == "/again")
            #expect(await other.call("/again", class: .once).text == "/again")
        }
    }

    @Test("is not run once its time is over, and is counted as stale", arguments: EvilCase.allCases)
    func late(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let tenant = site.tenant("acme")
            let connector = try tenant.connector("one")
            connector.start()
            #expect(await tenant.call("/before").text == "/before")
            try await waitUntil("it has its receipt") { connector.isIdle }
            site.broker.hold { _, header in header.kind == .request }
            let calls = [RequestClass.safe, .keyed, .once].map { requestClass in
                WatchedCall { await tenant.call("/late", class: requestClass, within: .seconds(20)) }
            }
            try await waitUntil("all are on their way") { Set(site.broker.held.map(\.header?.correlation)).count == 3 }
            site.turnClocks(by: .seconds(25))
            // Of one that may run twice a connector may have had another record, for all that its dispatcher knows.
            let failures: [RequestFailure.Code] = [.deadlineExceeded, .outcomeUnknown, .deadlineExceeded]
            for (call, failure) in zip(calls, failures) { #expect(await call.result.failure == failure) }
            let held = site.broker.held.map(\.payload)
            await site.broker.release { _ in [] }
            #expect(await tenant.call("/between").text == "/between")
            try await site.expectRefused(
                held, at: tenant.queue, by: connector.refusals, as: [.stale], "requests that come too late")
            #expect(await tenant.call("/after", class: .once).text == "/after")
            #expect(connector.service.executed == ["/before", "/between", "/after"])
        }
    }

    @Test(
        "is not run under a dispatch that is over, though the request is not, and runs by another",
        arguments: EvilCase.allCases)
    func lateDispatch(evil: EvilCase) async throws {
        try await EvilSite.run(evil, .init(acceptance: .seconds(3600))) { site in
            let tenant = site.tenant("acme")
            let connector = try tenant.connector("one")
            connector.start()
            #expect(await tenant.call("/before").text == "/before")
            try await waitUntil("it has its receipt") { connector.isIdle }
            site.broker.hold { _, header in header.kind == .request }
            let calls = [RequestClass.safe, .keyed, .once].map { requestClass in
                WatchedCall { await tenant.call("/\(requestClass)", class: requestClass, within: .seconds(3000)) }
            }
            try await waitUntil("all are on their way") { Set(site.broker.held.map(\.header?.correlation)).count == 3 }
            let held = site.broker.held.map(\.payload)
            site.turnClocks(by: RelayLimits.dispatch + .seconds(1))
            await site.broker.release { _ in [] }
            try await site.expectRefused(
                held, at: tenant.queue, by: connector.refusals, as: [.stale], "dispatches that come too late")
            // They were given back, and sent anew.
            for (call, text) in zip(calls, ["/safe", "/keyed", "/once"]) { #expect(await call.result.text == text) }
            #expect(connector.service.executed.sorted() == ["/before", "/keyed", "/once", "/safe"])
            try await site.expectRefused(
                held, at: tenant.queue, by: connector.refusals, as: [.stale], "the same once more")
            #expect(await tenant.call("/after", class: .once).text == "/after")
            #expect(connector.service.executed.count == 5)
        }
    }

    @Test("is understood when it has overtaken its HELLO by a moment", arguments: EvilCase.allCases)
    func overtaken(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let tenant = site.tenant("acme")
            let connector = try tenant.connector("one")
            site.broker.hold { _, header in header.kind == .hello }
            connector.start()
            let call = WatchedCall { await tenant.call("/claimed", class: .once) }
            try await waitUntil("it claims what it was sent") { !site.broker.stored(.claim).isEmpty }
            let released = ContinuousClock.now
            await site.broker.release()
            #expect(await call.result.text == "/claimed")
            #expect(tenant.refusals.total == 0)
            #expect(
                ContinuousClock.now - released < .milliseconds(900), "it had to say it again")
        }
    }

    @Test("is refused under an epoch that is held no more", arguments: EvilCase.allCases)
    func oldEpoch(evil: EvilCase) async throws {
        try await EvilSite.run(evil) { site in
            let tenant = site.tenant("acme")
            let connector = try tenant.connector("one")
            connector.start()
            // What was never delivered, and what was.
            site.broker.hold { _, header in header.kind == .request }
            let lost = WatchedCall { await tenant.call("/lost", class: .once, within: .seconds(90)) }
            try await waitUntil("it is on its way") { !site.broker.held.isEmpty }
            let request = try #require(site.broker.held.first).payload
            await site.broker.release()
            #expect(await lost.result.text == "/lost")
            let spoken = site.broker.stored
            func payloads(_ kinds: MessageKind...) -> [[UInt8]] {
                spoken.filter { record in kinds.contains { $0 == record.header?.kind } }.map(\.payload)
            }
            for _ in 0..<3 { try tenant.authority.cut(tenant.group) }
            #expect(await tenant.call("/between").text == "/between")
            site.turnClocks(by: .seconds(720))
            #expect(await tenant.call("/after").text == "/after")
            try await site.expectRefused(
                [request] + payloads(.request), at: tenant.queue, by: connector.refusals, as: [.expiredEpoch],
                "requests of an old epoch")
            try await site.expectRefused(
                payloads(.invite), at: connector.inbox, by: connector.refusals, as: [.expiredEpoch],
                "invitations of an old epoch")
            try await site.expectRefused(
                payloads(.grant, .receipt, .welcome), at: connector.inbox, by: connector.refusals,
                as: [.unknownSession], "orders of a session of an old epoch")
            try await site.expectRefused(
                payloads(.hello), at: tenant.dispatcherInbox, by: tenant.refusals, as: [.expiredEpoch],
                "a HELLO of an old epoch")
            try await site.expectRefused(
                payloads(.claim, .response), at: tenant.dispatcherInbox, by: tenant.refusals, as: [.unknownSession],
                "answers of a session of an old epoch")
            let beats = spoken.filter { $0.header?.kind == .beat && $0.header?.boot == connector.identity.boot }
            try await site.expectRefused(
                beats.map(\.payload), at: .presence(tenant.id), by: tenant.refusals, as: [.expiredEpoch],
                "beats of an old epoch")
            #expect(connector.service.executed == ["/lost", "/between", "/after"])
            #expect(await tenant.call("/end", class: .once).text == "/end")
        }
    }
}
