import Foundation
import GRDB
import Logging
import RelayDelivery
import RelayFormat
import RequestLedger
import Testing

@Suite("The ledger under load and on bad disks", .timeLimit(.minutes(2)))
struct LedgerDurabilityTests {
    private let tenant = TenantID.random()

    @Test("everything that arrives at the same time shares a flush")
    func groupCommit() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        let ledger = try await folder.open()
        let tenant = tenant
        let begun = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    for _ in 0..<32 {
                        let request = DurableRequest.sample(tenant: tenant, body: [UInt8](repeating: 7, count: 1024))
                        guard try await ledger.submit(request) == .stored else { throw CancellationError() }
                    }
                }
            }
            try await group.waitForAll()
        }
        let time = (ContinuousClock.now - begun) / .seconds(1)
        print("ledger: \(Int(2048 / time)) submissions/s from 64 at a time, \(ledger.transactions) flushes for 2048")
        #expect(ledger.count == 2048)
        #expect(ledger.transactions < 512)
        await ledger.close()
    }

    @Test("a full ledger refuses what is new, and takes it again when there is room")
    func full() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        let ledger = try await folder.open(bounds: LedgerBounds(requests: 3))
        let requests = (0..<3).map { DurableRequest.sample(tenant: tenant, key: "\($0)") }
        for request in requests { #expect(try await ledger.submit(request) == .stored) }
        await #expect(throws: LedgerError.self) { try await ledger.submit(.sample(tenant: tenant)) }
        #expect(try await refusal(of: .sample(tenant: tenant), by: ledger) == .full)
        // A key that is known needs no room, and what is under way ends.
        #expect(try await ledger.submit(.sample(tenant: tenant, key: "1")) == .known(requests[1].id))
        try await ledger.record([requests[0].answered()])
        #expect(try await ledger.sweep(now: .at(25 * 3600)) == 1)
        #expect(try await ledger.submit(.sample(tenant: tenant)) == .stored)
        await ledger.close()

        let again = try await folder.open(bounds: LedgerBounds(bytes: 20_000))
        #expect(again.count == 3)
        let large = DurableRequest.sample(tenant: tenant, body: [UInt8](repeating: 1, count: 20_000))
        #expect(try await refusal(of: large, by: again) == .full)
        #expect(try await again.submit(.sample(tenant: tenant)) == .stored)
        await again.close()
    }

    @Test("a disk that takes no more is told apart, and used again as soon as it takes more")
    func diskFull() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        let ledger = try await folder.open(bounds: LedgerBounds(fileBytes: 400_000))
        let body = [UInt8](repeating: 3, count: 20_000)
        var stored: [DurableRequest] = []
        var refused: LedgerError.Code?
        while refused == nil, stored.count < 50 {
            let request = DurableRequest.sample(tenant: tenant, body: body)
            refused = try await refusal(of: request, by: ledger)
            if refused == nil { stored.append(request) }
        }
        #expect(refused == .unavailable)
        #expect(stored.count > 5)
        #expect(ledger.count == stored.count)
        // In one batch, small changes go before what is too large.
        let tenant = tenant
        let first = stored[0]
        async let more = refusal(of: .sample(tenant: tenant, body: body), by: ledger)
        try await ledger.record([first.failed(.noConnector)])
        #expect(try await more == .unavailable)
        #expect(try await ledger.sweep(now: .at(25 * 3600)) == 1)
        #expect(try await ledger.submit(.sample(tenant: tenant, body: body)) == .stored)
        #expect(ledger.count == stored.count)
        await ledger.close()
        #expect(try await folder.integrity() == "ok")
    }

    @Test("the file is its owner's alone, and one process's at a time")
    func exclusive() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        let ledger = try await folder.open()
        #expect(try await ledger.submit(.sample(tenant: tenant)) == .stored)
        for suffix in ["", "-wal", "-shm", ".lock"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.file + suffix)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
        let refused = await #expect(throws: LedgerError.self) { _ = try await folder.open() }
        #expect(refused?.code == .unavailable)
        #expect(refused?.message.contains("another process has it open") == true)
        await ledger.close()
        let again = try await folder.open()
        #expect(again.count == 1)
        await again.close()
    }

    @Test("what is no ledger, is broken, or is of a newer version is refused with the reason")
    func damaged() async throws {
        let folder = try LedgerFolder()
        defer { folder.remove() }
        try Data("This is a letter, and not a small one at that. ".utf8).write(to: URL(filePath: folder.file))
        let letter = await #expect(throws: LedgerError.self) { _ = try await folder.open() }
        #expect(letter?.code == .damaged)
        #expect(letter?.message.contains(folder.file) == true)

        let broken = try LedgerFolder()
        defer { broken.remove() }
        let ledger = try await broken.open()
        for _ in 0..<50 { #expect(try await ledger.submit(.sample(tenant: tenant)) == .stored) }
        await ledger.close()
        let handle = try FileHandle(forUpdating: URL(filePath: broken.file))
        try handle.seek(toOffset: 3 * 4096)
        try handle.write(contentsOf: Data(repeating: 0xa5, count: 4 * 4096))
        try handle.close()
        let damage = await #expect(throws: LedgerError.self) { _ = try await broken.open() }
        #expect(damage?.code == .damaged)

        let newer = try LedgerFolder()
        defer { newer.remove() }
        let present = try await newer.open()
        await present.close()
        let database = try DatabaseQueue(path: newer.file)
        try await database.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('of next year')") }
        try database.close()
        let future = await #expect(throws: LedgerError.self) { _ = try await newer.open() }
        #expect(future?.message.contains("newer version") == true)
        await #expect(throws: LedgerError.self) {
            _ = try await SubmissionLedger.open(path: "/nowhere/ledger.sqlite", logger: .init(label: "test"))
        }
    }

    /// Why a submission is refused; nil when it is not.
    private func refusal(of request: DurableRequest, by ledger: SubmissionLedger) async throws -> LedgerError.Code? {
        do throws(LedgerError) {
            _ = try await ledger.submit(request)
            return nil
        } catch {
            return error.code
        }
    }
}
