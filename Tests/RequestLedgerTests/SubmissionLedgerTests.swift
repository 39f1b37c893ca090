import Foundation
import GRDB
import RelayDelivery
import RelayFormat
import RequestLedger
import Testing

@Suite("The ledger of submissions", .timeLimit(.minutes(1)))
struct SubmissionLedgerTests {
    private let tenant = TenantID.random()

    @Test("a submission comes back after a kill as it was")
    func submissionSurvives() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        let ledger = try await folder.open()
        let request = DurableRequest.sample(tenant: tenant, key: "k-1", webhook: "billing")
        #expect(try await ledger.submit(request) == .stored)
        let killed = try folder.copyAsKilled()
        defer { killed.remove() }
        await ledger.close()
        let again = try await killed.open()
        #expect(try await again.request(request.id, of: tenant) == request)
        #expect(try await again.unfinished(of: tenant) == [request])
        #expect(try await again.request(request.id, of: .random()) == nil)
        #expect(try await again.request(.random(), of: tenant) == nil)
        #expect(again.count == 1)
        #expect(try await killed.integrity() == "ok")
        await again.close()
    }

    @Test("progress, history and result come back after a kill")
    func changesSurvive() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        let ledger = try await folder.open()
        let request = DurableRequest.sample(tenant: tenant)
        #expect(try await ledger.submit(request) == .stored)
        let granted = request.change(
            events: [
                RequestEvent(at: .at(1), .dispatched, attempt: 1), RequestEvent(at: .at(2), .granted, attempt: 1),
            ])
        try await ledger.record([granted])
        let answered = request.answered()
        try await ledger.record([answered, DurableRequest.sample(tenant: tenant).answered()])
        let killed = try folder.copyAsKilled()
        defer { killed.remove() }
        await ledger.close()
        let again = try await killed.open()
        let found = try #require(try await again.request(request.id, of: tenant))
        #expect(found.progress == answered.progress)
        #expect(found.ending == answered.ending)
        #expect(found.events == request.events + granted.events + answered.events)
        #expect(try await again.unfinished(of: tenant) == [])
        await again.close()
    }

    @Test("a request that is taken up again has no ending, and may end otherwise")
    func redriven() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        let ledger = try await folder.open()
        let request = DurableRequest.sample(tenant: tenant)
        #expect(try await ledger.submit(request) == .stored)
        try await ledger.record([request.answered("first")])
        let full = ledger.bytes
        try await ledger.record([request.change(.waiting)])
        #expect(try await ledger.request(request.id, of: tenant)?.ending == nil)
        #expect(try await ledger.unfinished(of: tenant).map(\.id) == [request.id])
        #expect(ledger.bytes < full)
        let failed = request.failed(.deadLetter)
        try await ledger.record([failed])
        #expect(try await ledger.request(request.id, of: tenant)?.ending == failed.ending)
        try await ledger.record([request.answered("again", at: .at(9))])
        let ending = try #require(try await ledger.request(request.id, of: tenant)?.ending)
        #expect(ending == request.answered("again", at: .at(9)).ending)
        await ledger.close()
    }

    @Test("unfinished are the open ones and those that may still be resolved, oldest first")
    func unfinished() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        let ledger = try await folder.open()
        let requests = (0..<5).map { DurableRequest.sample(tenant: tenant, at: .at($0)) }
        for request in requests + [.sample(tenant: .random())] {
            #expect(try await ledger.submit(request) == .stored)
        }
        try await ledger.record([
            requests[0].failed(.outcomeUnknown), requests[1].answered(),
            requests[2].failed(.outcomeUnknown, standing: .dispatched), requests[3].failed(.deadLetter),
        ])
        let unfinished = try await ledger.unfinished(of: tenant)
        #expect(unfinished.map(\.id) == [requests[0].id, requests[4].id])
        #expect(unfinished.map(\.isUnresolved) == [true, false])
        await ledger.close()
    }

    @Test("the same key is the same request, within its tenant, caller and service")
    func idempotency() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        let ledger = try await folder.open()
        let first = DurableRequest.sample(tenant: tenant, key: "order-7")
        #expect(try await ledger.submit(first) == .stored)
        #expect(try await ledger.submit(.sample(tenant: tenant, key: "order-7")) == .known(first.id))
        let other = DurableRequest.sample(tenant: tenant, key: "order-7", body: Array("two hammers".utf8))
        #expect(try await ledger.submit(other) == .keyReused(first.id))
        #expect(try await ledger.submit(.sample(tenant: .random(), key: "order-7")) == .stored)
        #expect(try await ledger.submit(.sample(tenant: tenant, service: "bills", key: "order-7")) == .stored)
        #expect(try await ledger.submit(.sample(tenant: tenant, caller: "k2", key: "order-7")) == .stored)
        #expect(try await ledger.submit(.sample(tenant: tenant)) == .stored)
        #expect(try await ledger.submit(.sample(tenant: tenant)) == .stored)
        // The key stands for the result as long as the result is kept, and no longer.
        try await ledger.record([first.answered()])
        #expect(try await ledger.submit(.sample(tenant: tenant, key: "order-7")) == .known(first.id))
        #expect(try await ledger.sweep(now: .at(25 * 3600)) == 1)
        #expect(try await ledger.submit(.sample(tenant: tenant, key: "order-7")) == .stored)
        await ledger.close()
    }

    @Test("of many submissions under one key at the same time one is stored")
    func simultaneousKeys() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        let ledger = try await folder.open()
        let tenant = tenant
        let admissions = try await withThrowingTaskGroup(of: LedgerAdmission.self) { group in
            for _ in 0..<50 { group.addTask { try await ledger.submit(.sample(tenant: tenant, key: "one")) } }
            return try await group.reduce(into: [LedgerAdmission]()) { $0.append($1) }
        }
        #expect(admissions.count { $0 == .stored } == 1)
        let stored = try #require(try await ledger.unfinished(of: tenant).first).id
        #expect(admissions.count { $0 == .known(stored) } == 49)
        await ledger.close()
    }

    @Test("of a long history the beginning and the end are kept")
    func boundedHistory() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        let ledger = try await folder.open()
        let request = DurableRequest.sample(tenant: tenant)
        #expect(try await ledger.submit(request) == .stored)
        for number in 1..<200 {
            let event = RequestEvent(at: .at(UInt64(number)), .dispatched, attempt: UInt32(number), detail: "sent")
            try await ledger.record([request.change(.dispatched, events: [event])])
        }
        let events = try #require(try await ledger.request(request.id, of: tenant)).events
        #expect(events.count == 64)
        #expect(events.prefix(16).map(\.attempt) == Array(0..<16))
        #expect(events.suffix(48).map(\.attempt) == Array(152..<200))
        #expect(events[16].detail == "(136 events before this are not kept) sent")
        #expect(events[17].detail == "sent")
        await ledger.close()
    }

    @Test("the newest are listed by state, group and caller, without bodies")
    func lists() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        let ledger = try await folder.open()
        let group = GroupID.random()
        let requests = (0..<6).map {
            DurableRequest.sample(
                tenant: tenant, group: $0 < 3 ? group : .random(), caller: $0 == 0 ? "k2" : "k1", at: .at($0))
        }
        for request in requests { #expect(try await ledger.submit(request) == .stored) }
        try await ledger.record([
            requests[0].answered(), requests[1].failed(.outcomeUnknown), requests[2].failed(.cancelled),
            requests[3].failed(.deadLetter), requests[4].failed(.noConnector),
        ])
        func listed(_ filter: LedgerFilter) async throws -> [RequestID] {
            try await ledger.requests(of: tenant, matching: filter).map(\.id)
        }
        let ids = requests.map(\.id)
        #expect(try await listed(LedgerFilter()) == ids.reversed())
        #expect(try await listed(LedgerFilter(limit: 2)) == [ids[5], ids[4]])
        #expect(try await listed(LedgerFilter(group: group)) == [ids[2], ids[1], ids[0]])
        #expect(try await listed(LedgerFilter(caller: "k2")) == [ids[0]])
        for (number, state) in [LedgerFilter.State.answered, .unknown, .cancelled, .deadLetter, .failed, .open]
            .enumerated()
        {
            #expect(try await listed(LedgerFilter(state: state)) == [ids[number]])
        }
        #expect(try await ledger.requests(of: .random(), matching: LedgerFilter()) == [])
        let answered = try #require(try await ledger.requests(of: tenant, matching: .init(state: .answered)).first)
        #expect(
            answered.ending?.outcome == .http(HTTPResponseContent(status: 201, headers: [], body: [])))
        #expect(answered.events.isEmpty)
        let failed = try #require(try await ledger.requests(of: tenant, matching: .init(state: .failed)).first)
        #expect(failed.ending?.outcome == .failed(RequestFailure(.noConnector, "as seen")))
        await ledger.close()
    }

    @Test("ended requests are kept for a day, dead letters and unresolved ones for two weeks, open ones for ever")
    func retention() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        let ledger = try await folder.open()
        let requests = (0..<5).map { _ in DurableRequest.sample(tenant: tenant) }
        for request in requests { #expect(try await ledger.submit(request) == .stored) }
        try await ledger.record([
            requests[0].answered(), requests[1].failed(.outcomeUnknown), requests[2].failed(.deadLetter),
            requests[3].failed(.outcomeUnknown, standing: .dispatched),
        ])
        func kept() async throws -> Set<RequestID> {
            Set(try await ledger.requests(of: tenant, matching: LedgerFilter()).map(\.id))
        }
        let day: UInt64 = 24 * 3600
        #expect(try await ledger.sweep(now: .at(day)) == 0)
        #expect(try await ledger.sweep(now: .at(day + 5)) == 2)
        #expect(try await kept() == [requests[1].id, requests[2].id, requests[4].id])
        #expect(try await ledger.sweep(now: .at(14 * day)) == 0)
        // What was resolved is kept for a day from then on.
        try await ledger.record([requests[1].answered(at: .at(14 * day))])
        #expect(try await ledger.sweep(now: .at(14 * day + 5)) == 1)
        #expect(try await ledger.sweep(now: .at(15 * day)) == 1)
        #expect(try await ledger.sweep(now: .at(999 * day)) == 0)
        #expect(try await kept() == [requests[4].id])
        #expect(ledger.count == 1)
        let rows = try await folder.read { database in
            try ["operation", "result", "event"].map { table in
                try Int.fetchOne(database, sql: "SELECT count(*) FROM \(table)") ?? -1
            }
        }
        #expect(rows == [1, 0, 1])
        await ledger.close()
    }

    @Test("starts are counted")
    func boots() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        for boot: UInt64 in 1...3 {
            let ledger = try await folder.open()
            #expect(try await ledger.countBoot() == boot)
            await ledger.close()
        }
    }
}
