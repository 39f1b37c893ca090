import Foundation
import RelayDelivery
import RelayFormat
import RequestLedger
import Testing

@Suite("What a connector keeps over its restarts", .timeLimit(.minutes(1)))
struct ResultJournalTests {
    private let id = RequestID.random()

    @Test("what had begun when the process was killed is interrupted after it, and what had ended has its answer")
    func killed() async throws {
        let folder = try JournalFolder()
        defer { folder.remove() }
        let journal = try await folder.open()
        let (claimed, ended, confirmed) = (RequestID.random(), RequestID.random(), RequestID.random())
        try await journal.record([.begun(folder.record(id, .started, attempt: 3))])
        try await journal.record([.begun(folder.record(claimed, .claimed))])
        for request in [ended, confirmed] {
            try await journal.record([.begun(folder.record(request, .started))])
            try await journal.record([.finished(request, .answer(10))])
        }
        try await journal.record([.receipted(confirmed)])
        let killed = try folder.copyAsKilled()
        defer { killed.remove() }
        let next = try await killed.open()
        var interrupted = folder.record(id, .interrupted, attempt: 3)
        #expect(try await next.find([id]) == [interrupted])
        interrupted.id = claimed
        interrupted.attempt = 1
        #expect(try await next.find([claimed]) == [interrupted])
        #expect(try await next.state(of: confirmed) == .finished(.answer(10)))
        #expect(try await next.unconfirmed(at: folder.now).map(\.id) == [ended])
        #expect(try await next.unconfirmed(at: folder.now + .seconds(60)).isEmpty, "nobody waits any more")
        #expect(try await next.find([.random()]).isEmpty)
        #expect(next.count == 4)
        await journal.close()
        await next.close()
    }

    @Test("the file is for its owner alone")
    func mode() async throws {
        let folder = try JournalFolder()
        defer { folder.remove() }
        let journal = try await folder.open()
        try await journal.record([.begun(folder.record(id, .started))])
        for suffix in ["", "-wal", "-shm"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.file + suffix)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
        await journal.close()
    }

    @Test("a withdrawn claim leaves no trace, unless a later attempt has begun or it has ended")
    func withdrawal() async throws {
        let folder = try JournalFolder()
        defer { folder.remove() }
        let journal = try await folder.open()
        try await journal.record([.begun(folder.record(id, .claimed)), .withdrawn(id, attempt: 1)])
        #expect(try await journal.state(of: id) == nil)
        #expect(journal.count == 0)
        try await journal.record([.begun(folder.record(id, .claimed, attempt: 2)), .withdrawn(id, attempt: 1)])
        #expect(try await journal.state(of: id) == .claimed)
        try await journal.record([.finished(id, .answer(1)), .withdrawn(id, attempt: 2)])
        #expect(try await journal.state(of: id) == .finished(.answer(1)))
        await journal.close()
    }

    @Test("many that begin at the same time share flushes, and what ends needs none")
    func sharing() async throws {
        let folder = try JournalFolder()
        defer { folder.remove() }
        let journal = try await folder.open()
        let ids = (0..<200).map { _ in RequestID.random() }
        await withThrowingTaskGroup { group in
            for id in ids { group.addTask { try await journal.record([.begun(folder.record(id, .started))]) } }
        }
        #expect(journal.count == 200)
        #expect(journal.flushes < 100, "\(journal.flushes) flushes")
        let before = journal.flushes
        for id in ids.prefix(20) { try await journal.record([.finished(id, .answer(100))]) }
        #expect(journal.flushes == before)
        await journal.close()
    }

    @Test("answers make room, those first that were confirmed; requests stay")
    func answers() async throws {
        let folder = try JournalFolder()
        defer { folder.remove() }
        let journal = try await folder.open(JournalBounds(answers: 5000))
        let ids = (0..<5).map { _ in RequestID.random() }
        for id in ids {
            try await journal.record([.begun(folder.record(id, .started))])
            if id == ids[4] { try await journal.record([.receipted(ids[2])]) }
            try await journal.record([.finished(id, .answer(1000))])
        }
        let kept = try await journal.find(ids).map { $0.state != .finished(nil) }
        #expect(kept == [true, true, false, true, true])
        #expect(journal.count == 5)
        try await journal.record([.begun(folder.record(id, .started)), .finished(id, .answer(6000))])
        #expect(try await journal.state(of: id) == .finished(nil), "larger than all room")
        await journal.close()
    }

    @Test("full of requests it takes no more until the oldest have been kept long enough; ids never go early")
    func requests() async throws {
        let folder = try JournalFolder()
        defer { folder.remove() }
        let journal = try await folder.open(JournalBounds(requests: 3))
        for _ in 0..<3 { try await journal.record([.begun(folder.record(.random(), .started))]) }
        await #expect(throws: LedgerError(.full, "the journal holds 3 requests and takes no more")) {
            try await journal.record([.begun(folder.record(id, .started))])
        }
        folder.wait(.seconds(86_399))
        await #expect(throws: LedgerError.self) { try await journal.record([.begun(folder.record(id, .started))]) }
        folder.wait(.seconds(1))
        try await journal.record([.begun(folder.record(id, .started))])
        #expect(journal.count == 1)
        try await journal.record([.begun(folder.record(id, .started, attempt: 2))])
        #expect(journal.count == 1, "a later attempt needs no room")
        await journal.close()
    }

    @Test("a full disk refuses what begins, and takes it again when there is room")
    func fullDisk() async throws {
        let folder = try JournalFolder()
        defer { folder.remove() }
        let journal = try await folder.open(JournalBounds(file: 64 << 10))
        var begun: [RequestID] = []
        var failure: LedgerError?
        while failure == nil, begun.count < 2000 {
            let next = RequestID.random()
            do throws(LedgerError) {
                try await journal.record([.begun(folder.record(next, .started))])
                begun.append(next)
            } catch {
                failure = error
            }
        }
        #expect(failure?.code == .unavailable)
        #expect(begun.count > 50)
        #expect(try await journal.state(of: begun[0]) == .started, "what is in it can be read")
        folder.wait(.seconds(2 * 86_400))
        try await journal.record([.begun(folder.record(id, .started))])
        #expect(try await journal.state(of: id) == .started)
        await journal.close()
    }

    @Test("a damaged file is set aside and a new journal begun", arguments: [0, 4096])
    func damaged(offset: Int) async throws {
        let folder = try JournalFolder()
        defer { folder.remove() }
        let journal = try await folder.open()
        for _ in 0..<100 { try await journal.record([.begun(folder.record(.random(), .started))]) }
        await journal.close()
        let handle = try #require(FileHandle(forWritingAtPath: folder.file))
        try handle.seek(toOffset: UInt64(offset))
        try handle.write(contentsOf: Data(repeating: 0xaa, count: 8192))
        try handle.close()
        let next = try await folder.open()
        #expect(next.count == 0)
        try await next.record([.begun(folder.record(id, .started))])
        await next.close()
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names.contains { $0.hasPrefix("journal.sqlite.damaged-") })
    }

    @Test("a folder that is not there is said by its path, and a closed journal takes nothing")
    func unavailable() async throws {
        let folder = try JournalFolder()
        let journal = try await folder.open()
        await journal.close()
        await #expect(throws: LedgerError.self) { try await journal.record([.begun(folder.record(id, .started))]) }
        folder.remove()
        do throws(LedgerError) {
            _ = try await folder.open()
            Issue.record("opened")
        } catch {
            #expect(error.code == .unavailable)
            #expect(error.message.contains(folder.file))
        }
    }
}
