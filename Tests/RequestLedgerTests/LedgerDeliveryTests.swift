import RelayDelivery
import RelayFormat
import RequestLedger
import Testing

@Suite("Deliveries in the ledger", .timeLimit(.minutes(1)))
struct LedgerDeliveryTests {
    private let tenant = TenantID.random()

    private func due(_ ledger: SubmissionLedger, at seconds: UInt64 = 100) async throws -> [WebhookDelivery] {
        try await ledger.dueDeliveries(at: .at(seconds), perWebhook: 100, limit: 100)
    }

    @Test("the transaction that ends a request enters its delivery, once, and survives a kill")
    func entered() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        let ledger = try await folder.open()
        let told = DurableRequest.sample(tenant: tenant, webhook: "billing")
        let untold = DurableRequest.sample(tenant: tenant)
        for request in [told, untold] { #expect(try await ledger.submit(request) == .stored) }
        try await ledger.record([told.change(), untold.change()])
        #expect(try await due(ledger) == [])
        try await ledger.record([told.answered(at: .at(5)), untold.answered(at: .at(5))])
        try await ledger.record([told.answered(at: .at(5))])
        #expect(try await due(ledger, at: 4) == [])
        let killed = try folder.copyAsKilled()
        defer { killed.remove() }
        let again = try await killed.open()
        let delivery = try #require(try await due(again, at: 5).first)
        #expect(try await due(again) == [delivery])
        #expect(delivery.request == told.id)
        #expect(delivery.tenant == tenant)
        #expect(delivery.webhook == "billing")
        #expect(delivery.kind == .ended)
        #expect(delivery.attempts == 0)
        #expect(try await again.deliveries(of: told.id, in: tenant) == [delivery])
        #expect(try await again.deliveries(of: told.id, in: .random()) == [])
        await again.close()
        await ledger.close()
    }

    @Test("an unknown outcome that becomes known is told again")
    func resolved() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        let ledger = try await folder.open()
        let request = DurableRequest.sample(tenant: tenant, webhook: "billing")
        #expect(try await ledger.submit(request) == .stored)
        try await ledger.record([request.failed(.outcomeUnknown, at: .at(5))])
        try await ledger.record([request.failed(.outcomeUnknown, at: .at(5))])
        try await ledger.record([request.answered(at: .at(9))])
        #expect(try await due(ledger).map(\.kind) == [.ended, .resolved])
        #expect(Set(try await due(ledger).map(\.id)).count == 2)
        await ledger.close()
    }

    @Test("what is taken up again is not told as ended")
    func withdrawn() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        let ledger = try await folder.open()
        let request = DurableRequest.sample(tenant: tenant, webhook: "billing")
        #expect(try await ledger.submit(request) == .stored)
        try await ledger.record([request.failed(.deadLetter)])
        let first = try #require(try await due(ledger).first)
        try await ledger.record([request.change(.waiting)])
        #expect(try await due(ledger) == [])
        try await ledger.note(first)
        try await ledger.record([request.answered()])
        #expect(try await due(ledger).count == 1)
        #expect(try await due(ledger).first?.id != first.id)
        await ledger.close()
    }

    @Test("no webhook keeps the others waiting, and what was noted holds")
    func fairness() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        let ledger = try await folder.open()
        let requests = (0..<8).map { DurableRequest.sample(tenant: tenant, webhook: $0 < 6 ? "dead" : "alive") }
        for (number, request) in requests.enumerated() {
            #expect(try await ledger.submit(request) == .stored)
            try await ledger.record([request.answered(at: .at(UInt64(number)))])
        }
        var found = try await ledger.dueDeliveries(at: .at(50), perWebhook: 2, limit: 10)
        #expect(found.map(\.request) == [0, 1, 6, 7].map { requests[$0].id })
        #expect(try await ledger.dueDeliveries(at: .at(50), perWebhook: 2, limit: 1).count == 1)
        found[0].attempts = 1
        found[0].due = .at(60)
        found[0].detail = "500"
        found[2].state = .delivered
        found[3].state = .givenUp
        for delivery in found { try await ledger.note(delivery) }
        #expect(try await due(ledger, at: 50).map(\.request) == requests[1..<6].map(\.id))
        #expect(try await due(ledger, at: 60).last == found[0])
        #expect(try await ledger.deliveries(of: requests[6].id, in: tenant).first?.state == .delivered)
        // They go with their requests.
        #expect(try await ledger.sweep(now: .at(2 * 24 * 3600)) == 8)
        #expect(try await due(ledger) == [])
        await ledger.close()
    }
}
