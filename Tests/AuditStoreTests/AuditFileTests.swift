import AuditLog
import Foundation
import GRDB
import Logging
import Synchronization
import TestTools
import Testing

@testable import AuditStore

@Suite struct AuditFileTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// A file in a scratch folder, which goes with it.
    private final class Site: Sendable {
        let folder: URL
        let file: AuditFile

        init() async throws {
            folder = FileManager.default.temporaryDirectory.appending(path: "audit-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            file = try await AuditFile.open(path: folder.appending(path: "audit.sqlite").path, logger: logger)
        }

        deinit { try? FileManager.default.removeItem(at: folder) }

        /// Does what somebody with a shell and the owner's rights can do.
        func tamper(_ sql: String, _ arguments: StatementArguments = []) throws {
            var configuration = Configuration()
            configuration.busyMode = .timeout(5)
            try DatabaseQueue(path: file.path, configuration: configuration).write {
                try $0.execute(sql: sql, arguments: arguments)
            }
        }

        func finding(_ witnesses: [AuditVerifier.Witness] = []) async throws -> AuditVerifier.Finding? {
            do {
                _ = try await file.verify("a", witnesses: witnesses)
                return nil
            } catch let finding as AuditVerifier.Finding {
                return finding
            }
        }
    }

    private static func event(_ number: Int) -> AuditEvent {
        AuditEvent(
            milliseconds: UInt64(1000 * number), actor: .init(kind: "administrator", id: "\(number % 3)"),
            action: number % 2 == 0 ? "connectors.revoke" : "groups.create", subject: "\(number)")
    }

    @Test func headsAndProofsOfTheFileAreThoseOfTheTree() async throws {
        let site = try await Site()
        var (frontier, last, heads) = (MerkleFrontier(), AuditHash.empty, [AuditHead.empty])
        for batch in 0..<9 {
            let events = (0..<100).map { Self.event(100 * batch + $0) }
            for event in events {
                last = AuditEntry(sequence: frontier.size, previous: last, event: event).leaf
                frontier.append(last)
                heads.append(frontier.head)
            }
            #expect(try await site.file.append(events, to: "a") == frontier.head)
        }
        try await site.file.append([Self.event(1)], to: "b")
        #expect(try await site.file.head(of: "a") == frontier.head)
        #expect(try await site.file.head(of: "nobody") == .empty)
        var random = SplitMix(seed: 11)
        for _ in 0..<60 {
            let second = UInt64.random(in: 1...900, using: &random)
            let first = UInt64.random(in: 0...second, using: &random)
            #expect(try await site.file.head(of: "a", at: second) == heads[Int(second)])
            let proof = try await site.file.consistencyProof(of: "a", first: first, second: second)
            #expect(MerkleProof.extends(heads[Int(first)], to: heads[Int(second)], by: proof))
            let row = try #require(try await site.file.rows(of: "a", from: second - 1, limit: 1).first)
            let path = try await site.file.inclusionProof(of: "a", entry: second - 1, size: 900)
            #expect(MerkleProof.includes(row.leaf, at: second - 1, in: heads[900], by: path))
        }
        #expect(try await site.file.head(of: "a", at: 901) == nil)
        #expect(try await site.finding(heads.map { .init(name: "x", head: $0) }) == nil)
    }

    @Test func whatIsChangedInTheFileIsFoundAtItsRow() async throws {
        for (sql, expected) in [
            (
                "UPDATE entries SET body = (SELECT body FROM entries WHERE sequence = 6) WHERE sequence = 5",
                AuditVerifier.Finding.moved(row: 5, holds: 6)
            ),
            ("DELETE FROM entries WHERE sequence = 5", .missing(row: 5)),
            ("DELETE FROM entries WHERE sequence = 19", .missing(row: 19)),
            ("UPDATE entries SET body = substr(body, 1, length(body) - 1) WHERE sequence = 5", .unreadable(row: 5)),
            (
                """
                UPDATE entries SET sequence = 100 WHERE sequence = 5; UPDATE entries SET sequence = 5 WHERE sequence = 9;
                UPDATE entries SET sequence = 9 WHERE sequence = 100
                """, .moved(row: 5, holds: 9)
            ),
        ] {
            let site = try await Site()
            try await site.file.append((0..<20).map(Self.event), to: "a")
            try site.tamper(sql)
            #expect(try await site.finding() == expected, "\(sql)")
        }
    }

    @Test func anEditedRowIsFoundAndAFileRewrittenAsAWholeByTheOtherEndsHead() async throws {
        let site = try await Site()
        try await site.file.append((0..<12).map(Self.event), to: "a")
        let kept = try await site.file.head(of: "a")
        try await site.file.append((12..<20).map(Self.event), to: "a")
        let row = try #require(try await site.file.rows(of: "a", from: 7, limit: 1).first)
        var edited = try #require(row.encoded)
        // The last byte of the subject: behind it come the outcome with its length and the number of details.
        edited[edited.count - 8] ^= 1
        try site.tamper("UPDATE entries SET body = ? WHERE log = 'a' AND sequence = 7", [Data(edited)])
        #expect(try await site.finding() == .edited(row: 7))

        // All anew, with chain, tree and head, as somebody would who owns the machine.
        try site.tamper("DELETE FROM entries; DELETE FROM logs; DELETE FROM nodes")
        var events = (0..<20).map(Self.event)
        events[7].subject = "nothing happened"
        try await site.file.append(events, to: "a")
        #expect(try await site.finding() == nil)
        let witness = AuditVerifier.Witness(name: "the tenant", head: kept)
        #expect(try await site.finding([witness]) == .rewritten(rows: 0..<12, witness: witness))
        #expect(try await site.file.head(of: "a", at: 12) != kept)
    }

    @Test func archivedRowsKeepTheirHashesAndTheirProofs() async throws {
        let site = try await Site()
        try await site.file.append((0..<300).map(Self.event), to: "a")
        let kept = try await site.file.head(of: "a", at: 100)
        #expect(try await site.file.firstRow(of: "a", since: 250_000) == 250)
        #expect(try await site.file.archive("a", before: 250) == 250)
        #expect(try await site.finding([.init(name: "x", head: try #require(kept))]) == nil)
        #expect(try await site.file.entries(of: "a", from: 0, limit: 10, matching: .init()).first?.sequence == 250)
        #expect(try await site.file.head(of: "a", at: 100) == kept)
    }

    @Test func rowsAreFoundByTimeActorAndAction() async throws {
        let site = try await Site()
        try await site.file.append((0..<30).map(Self.event), to: "a")
        func found(_ filter: AuditFile.Filter, from: UInt64 = 0) async throws -> [UInt64] {
            try await site.file.entries(of: "a", from: from, limit: 5, matching: filter).map(\.sequence)
        }
        #expect(try await found(.init()) == [0, 1, 2, 3, 4])
        #expect(try await found(.init(since: 20_000)) == [20, 21, 22, 23, 24])
        #expect(try await found(.init(actor: "1")) == [1, 4, 7, 10, 13])
        #expect(try await found(.init(action: "connectors"), from: 3) == [4, 6, 8, 10, 12])
        #expect(try await found(.init(action: "connectors.revoke"), from: 25) == [26, 28])
        #expect(try await found(.init(action: "connector")) == [])
    }

    @Test func manyAtOnceShareTheirFlushesAndKeepTheirChain() async throws {
        let site = try await Site()
        try await withThrowingTaskGroup { group in
            for number in 0..<500 { group.addTask { try await site.file.append([Self.event(number)], to: "a") } }
            try await group.waitForAll()
        }
        #expect(try await site.file.head(of: "a").size == 500)
        #expect(try await site.finding() == nil)
    }

    @Test func twoProcessesAddToOneLog() async throws {
        let site = try await Site()
        let other = try await AuditFile.open(path: site.file.path, logger: Self.logger)
        for number in 0..<40 { try await (number % 2 == 0 ? site.file : other).append([Self.event(number)], to: "a") }
        #expect(try await site.finding() == nil)
        #expect(try await site.file.head(of: "a").size == 40)
        await other.close()
    }

    @Test func anActThatNeverEndedIsOnRecordAsInterrupted() async throws {
        let site = try await Site()
        let first = try await site.file.begin(Self.event(1), in: "a")
        _ = try await site.file.begin(Self.event(2), in: "a")
        try await site.file.end(first, as: Self.event(1))
        #expect(try await site.file.recordInterrupted(begunBefore: 2000) == 0)
        #expect(try await site.file.recordInterrupted(begunBefore: 2001) == 1)
        #expect(try await site.file.recordInterrupted(begunBefore: .max) == 0)
        let entries = try await site.file.entries(of: "a", from: 0, limit: 10, matching: .init())
        #expect(entries.map(\.event.outcome) == [.done, .interrupted])
        #expect(entries.map(\.event.subject) == ["1", "2"])
    }

    @Test func aFullDiskRefusesWhatShallBeOnRecord() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "audit-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = try await AuditFile.open(
            path: folder.appending(path: "audit.sqlite").path, largestFile: 256 << 10, logger: Self.logger)
        await #expect(throws: AuditStoreError.self) {
            for number in 0..<10_000 { try await file.append([Self.event(number)], to: "a") }
        }
        let head = try await file.head(of: "a")
        #expect(head.size > 100)
        #expect(try await file.verify("a", witnesses: []) == head)
    }

    @Test func afloodOfRefusalsIsTwoRows() async throws {
        let site = try await Site()
        let clock = Mutex<UInt64>(5000)
        let trail = AuditTrail(file: site.file, logger: Self.logger, now: { clock.withLock { $0 } })
        for _ in 0..<1000 { trail.note(Self.event(5), in: "a", alike: "x") }
        await trail.sweep()
        clock.withLock { $0 = 66_000 }
        await trail.sweep()
        let entries = try await site.file.entries(of: "a", from: 0, limit: 10, matching: .init())
        #expect(entries.map { $0.event.detail["repeated"] } == [nil, "999"])
    }

    @Test func eachEndFindsThatTheOtherWasRewritten() async throws {
        let (tenant, connector) = (try await Site(), try await Site())
        let ends = [
            AuditTrail(file: tenant.file, logger: Self.logger, now: { 1 }),
            AuditTrail(file: connector.file, logger: Self.logger, now: { 1 }),
        ]
        func beat() async throws {
            try await ends[0].take(
                try await ends[1].heads(for: "t", in: "c"), from: .init(kind: "connector", id: "c1"), in: "t1")
            try await ends[1].take(
                try await ends[0].heads(for: "c1", in: "t1"), from: .init(kind: "tenant", id: "t"), in: "c")
        }
        try await tenant.file.append((0..<5).map(Self.event), to: "t1")
        try await connector.file.append((0..<5).map(Self.event), to: "c")
        for _ in 0..<3 { try await beat() }
        func actions(_ site: Site, _ log: String) async throws -> [String] {
            // What was put on record before is on disk when this is.
            try await site.file.append([], to: log)
            return try await site.file.entries(of: log, from: 5, limit: 100, matching: .init()).map(\.event.action)
        }
        #expect(try await actions(tenant, "t1") == ["audit.head"])
        #expect(try await actions(connector, "c") == ["audit.head"])
        try await beat()
        #expect(ends[0].echoes(of: "t1")["c1"]?.size == 6)

        try connector.tamper(
            "DELETE FROM entries WHERE log = 'c'; DELETE FROM logs WHERE name = 'c'; DELETE FROM nodes")
        try await connector.file.append((100..<104).map(Self.event), to: "c")
        try await beat()
        try await beat()
        try await connector.file.append([], to: "c")
        #expect(try await actions(tenant, "t1").contains("audit.conflict"))
        #expect(
            try await connector.file.entries(of: "c", from: 0, limit: 100, matching: .init(action: "audit"))
                .map(\.event.action).contains("audit.rewritten"))
    }
}
