import AuditLog
import Testing
import TestTools

@Suite struct AuditVerifierTests {
    typealias StoredRow = AuditVerifier.StoredRow

    private func log(_ count: Int) -> ([StoredRow], [AuditHead]) {
        var random = SplitMix(seed: 8)
        return rows((0..<count).map { _ in AuditEntryTests.event(&random) })
    }

    private func rows(_ events: [AuditEvent]) -> ([StoredRow], [AuditHead]) {
        var (rows, heads, frontier, last) = ([StoredRow](), [AuditHead.empty], MerkleFrontier(), AuditHash.empty)
        for event in events {
            let entry = AuditEntry(sequence: frontier.size, previous: last, event: event)
            rows.append(StoredRow(sequence: entry.sequence, leaf: entry.leaf, encoded: entry.encoded))
            last = entry.leaf
            frontier.append(last)
            heads.append(frontier.head)
        }
        return (rows, heads)
    }

    private func finding(
        _ rows: [StoredRow], stored: AuditHead? = nil, _ witnesses: [AuditHead] = []
    ) -> AuditVerifier.Finding? {
        var verifier = AuditVerifier(witnesses: witnesses.map { .init(name: "the other end", head: $0) })
        do throws(AuditVerifier.Finding) {
            for row in rows { try verifier.take(row) }
            _ = try verifier.finish(stored: stored)
            return nil
        } catch {
            return error
        }
    }

    @Test func anUntouchedLogIsRightWithAllOfItsHeads() {
        let (rows, heads) = log(40)
        #expect(finding(rows, stored: heads.last, heads.shuffled()) == nil)
    }

    @Test func archivedRowsStillCarryTheirTree() {
        var (rows, heads) = log(40)
        for index in 0..<30 { rows[index].encoded = nil }
        #expect(finding(rows, stored: heads.last, heads) == nil)
        rows[3].leaf = .leaf([])
        #expect(finding(rows, stored: heads.last) != nil)
    }

    @Test func theFirstRowThatIsWrongIsNamed() {
        let (rows, heads) = log(20)
        var edited = rows
        edited[5].encoded?[45] ^= 1
        #expect(finding(edited) == .edited(row: 5))
        var swapped = rows
        (swapped[5].encoded, swapped[9].encoded) = (swapped[9].encoded, swapped[5].encoded)
        (swapped[5].leaf, swapped[9].leaf) = (swapped[9].leaf, swapped[5].leaf)
        #expect(finding(swapped) == .moved(row: 5, holds: 9))
        var deleted = rows
        deleted.remove(at: 5)
        #expect(finding(deleted) == .missing(row: 5))
        #expect(finding(Array(rows.dropLast()), stored: heads.last) == .missing(row: 19))
        var garbage = rows
        garbage[5].encoded = [1, 2]
        #expect(finding(garbage) == .unreadable(row: 5))
        var rehashed = rows
        var entry = AuditEntry(encoded: rows[5].encoded ?? [])
        entry = entry.map { AuditEntry(sequence: 5, previous: $0.previous, event: rows6($0.event)) }
        rehashed[5].encoded = entry?.encoded
        rehashed[5].leaf = entry?.leaf ?? .empty
        #expect(finding(rehashed) == .broken(row: 6))
    }

    private func rows6(_ event: AuditEvent) -> AuditEvent {
        var event = event
        event.subject = "another"
        return event
    }

    /// Whoever rewrites the whole log, chain and head included, is found by one head kept elsewhere.
    @Test func aLogRewrittenAsAWholeIsFoundByTheOthersHeadsAlone() {
        var random = SplitMix(seed: 9)
        let events = (0..<20).map { _ in AuditEntryTests.event(&random) }
        let (_, heads) = rows(events)
        let kept = [heads[3], heads[12], heads[20]]
        var edited = events
        edited[7].subject = "another"
        var swapped = events
        swapped.swapAt(7, 8)
        var deleted = events
        deleted.remove(at: 7)
        for forged in [edited, swapped, deleted + [events[0]]] {
            let (rows, forgedHeads) = rows(forged)
            #expect(finding(rows, stored: forgedHeads.last) == nil)
            #expect(
                finding(rows, stored: forgedHeads.last, kept)
                    == .rewritten(rows: 3..<12, witness: .init(name: "the other end", head: heads[12])))
        }
        let (short, shortHeads) = rows(Array(events.prefix(15)))
        #expect(
            finding(short, stored: shortHeads.last, kept)
                == .truncated(size: 15, witness: .init(name: "the other end", head: heads[20])))
    }
}

@Suite struct RepetitionTallyTests {
    @Test func aFloodIsOneRowAtOnceAndOneWithACount() {
        var tally = RepetitionTally<String, Int>(length: 60, capacity: 2)
        #expect(tally.take("a", 1, at: 0) == .record)
        for value in 2...1000 { #expect(tally.take("a", value, at: 30) == .counted) }
        #expect(tally.take("b", 1, at: 30) == .record)
        #expect(tally.take("c", 1, at: 30) == .crowded)
        #expect(tally.collect(at: 59).isEmpty)
        let ended = tally.collect(at: 60)
        #expect(ended.map(\.key) == ["a"])
        #expect(ended.map(\.count) == [999])
        #expect(ended.map(\.last) == [1000])
        #expect(tally.take("a", 1, at: 61) == .record)
        #expect(tally.collect(at: 61, all: true).isEmpty)
        #expect(tally.take("c", 1, at: 61) == .record)
    }
}
