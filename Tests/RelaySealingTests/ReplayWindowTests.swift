import RelaySealing
import TestTools
import Testing

@Suite("The replay window")
struct ReplayWindowTests {
    /// What the window has to do, with a memory of everything.
    private struct Model {
        var seen: Set<UInt64> = []
        var highest: UInt64 = 0

        mutating func accept(_ sequence: UInt64) -> Bool {
            guard sequence > 0, !(sequence < highest && highest - sequence >= ReplayWindow.size) else { return false }
            guard seen.insert(sequence).inserted else { return false }
            highest = max(highest, sequence)
            return true
        }
    }

    @Test("does what a memory of everything would do", arguments: 0..<20 as Range<UInt64>)
    func model(seed: UInt64) {
        var random = SplitMix(seed: seed)
        var window = ReplayWindow()
        var model = Model()
        var base: UInt64 = seed % 3 == 0 ? .max - 60_000 : 1
        for _ in 0..<5_000 {
            switch UInt64.random(in: 0..<100, using: &random) {
            case 0..<60: base &+= UInt64.random(in: 0...3, using: &random)
            case 60..<62: base &+= UInt64.random(in: 0...200, using: &random)
            case 62: base &+= base < .max - 50_000 ? UInt64.random(in: 0...9_000, using: &random) : 0
            default: break
            }
            let back =
                UInt64.random(in: 0..<4, using: &random) == 0
                ? UInt64.random(in: 0...4_400, using: &random) : UInt64.random(in: 0...40, using: &random)
            let sequence = base > back ? base - back : 0
            let (found, expected) = (window.accept(sequence), model.accept(sequence))
            #expect(found == expected, "\(sequence) of \(model.highest)")
            #expect(window.highest == model.highest)
        }
    }

    @Test("counts each number once, up to 4095 behind the highest")
    func edges() {
        var window = ReplayWindow()
        func accept(_ sequence: UInt64) -> Bool { window.accept(sequence) }
        #expect(!accept(0))
        #expect(accept(1))
        #expect(!accept(1))
        #expect(accept(4096))
        #expect(accept(4095))
        #expect(!accept(1))
        #expect(accept(4097))
        #expect(!accept(1))
        #expect(accept(2))
        #expect(accept(.max))
        #expect(!accept(.max))
        #expect(accept(.max - 4095))
        #expect(!accept(.max - 4096))
        #expect(!accept(4097))
    }
}
