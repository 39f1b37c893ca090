import AuditLog
import Testing
import TestTools

@Suite struct AuditEntryTests {
    static func event(_ random: inout SplitMix) -> AuditEvent {
        func text(_ random: inout SplitMix) -> String {
            let letters = ["a", "Z", ".", "é", "名", "\u{0}", "\n", "🜁", " "]
            return (0..<Int.random(in: 0..<30, using: &random)).map { _ in letters.randomElement(using: &random) ?? "" }
                .joined()
        }
        let detail = (0..<Int.random(in: 0..<5, using: &random)).map { ("k\($0)" + text(&random), text(&random)) }
        return AuditEvent(
            milliseconds: .random(in: 0..<(1 << 50), using: &random),
            actor: .init(kind: text(&random), id: text(&random), name: text(&random)), source: text(&random),
            action: text(&random), subject: text(&random),
            outcome: AuditEvent.Outcome.allCases.randomElement(using: &random) ?? .done,
            detail: Dictionary(detail, uniquingKeysWith: { first, _ in first }))
    }

    @Test func anEntryIsReadBackAsItWasWritten() throws {
        var random = SplitMix(seed: 5)
        for sequence in 0..<200 as Range<UInt64> {
            let entry = AuditEntry(sequence: sequence, previous: .leaf([1]), event: Self.event(&random))
            #expect(AuditEntry(encoded: entry.encoded) == entry)
        }
    }

    @Test func everyFlippedBitMakesAnotherEntryOrNone() throws {
        var random = SplitMix(seed: 6)
        let entry = AuditEntry(sequence: 7, previous: .empty, event: Self.event(&random))
        let encoded = entry.encoded
        for bit in 0..<(8 * encoded.count) {
            var changed = encoded
            changed[bit / 8] ^= 1 << (bit % 8)
            #expect(AuditEntry(encoded: changed) != entry)
        }
        for length in 0..<encoded.count { #expect(AuditEntry(encoded: encoded.prefix(length)) == nil) }
        #expect(AuditEntry(encoded: encoded + [0]) == nil)
    }

    @Test func longTextsAreCutAtWholeCharacters() {
        let event = AuditEvent(
            milliseconds: 0, actor: .init(kind: "x", id: String(repeating: "名", count: 1000)), action: "a",
            detail: Dictionary(uniqueKeysWithValues: (0..<100).map { ("\($0)", String(repeating: "b", count: 999)) }))
        #expect(event.actor.id == String(repeating: "名", count: 85))
        #expect(event.detail.count == AuditEvent.mostDetails)
        #expect(event.detail.values.allSatisfy { $0.utf8.count == AuditEvent.longestText })
    }
}
