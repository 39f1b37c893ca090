@testable internal import KafkaBroker
internal import Testing

@Suite struct OffsetLedgerTests {
    @Test func `the position is the lowest unfinished offset, whatever is finished beyond it`() {
        var ledger = OffsetLedger(from: 100)
        for offset in Int64(100)..<106 {
            let isNew = ledger.receive(offset)
            #expect(isNew)
        }
        for offset in [101, 102, 105] { ledger.finish(Int64(offset)) }
        #expect(ledger.position == 100)
        #expect(ledger.finishedBeyond == [101..<103, 105..<106])
        ledger.finish(100)
        #expect(ledger.position == 103)
        #expect(ledger.finishedBeyond == [105..<106])
        for offset in [104, 103] { ledger.finish(Int64(offset)) }
        #expect(ledger.position == 106)
        #expect(ledger.finishedBeyond == [])
    }

    @Test func `a new owner passes over what the former one had finished`() {
        var ledger = OffsetLedger(from: 10, finished: [11..<13, 15..<16])
        var fresh: [Int64] = []
        for offset in Int64(10)..<18 where ledger.receive(offset) { fresh.append(offset) }
        #expect(fresh == [10, 13, 14, 16, 17])
        for offset in fresh { ledger.finish(offset) }
        #expect(ledger.position == 18)
    }

    @Test func `what a former owner finished and has not come yet stays in the map`() {
        var ledger = OffsetLedger(from: 10, finished: [12..<14])
        do {
            let isNew = ledger.receive(10)
            #expect(isNew)
        }
        #expect(ledger.finishedBeyond == [12..<14])
    }

    @Test func `an offset comes once, and gaps are no offsets`() {
        var ledger = OffsetLedger(from: 0)
        do {
            let isNew = ledger.receive(5)
            #expect(isNew)
        }
        do {
            let isNew = ledger.receive(5)
            #expect(!isNew)
        }
        do {
            let isNew = ledger.receive(3)
            #expect(!isNew)
        }
        do {
            let isNew = ledger.receive(9)
            #expect(isNew)
        }
        ledger.finish(7)
        ledger.finish(5)
        #expect(ledger.position == 9)
    }

    @Test func `the position never moves back, and never past what is unfinished`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<40 {
            var ledger = OffsetLedger(from: 0)
            var unfinished: Set<Int64> = []
            var last: Int64 = 0
            var next: Int64 = 0
            for _ in 0..<150 {
                if Bool.random(using: &random) || unfinished.isEmpty {
                    next += Int64.random(in: 1...3, using: &random)
                    do {
                        let isNew = ledger.receive(next)
                        #expect(isNew)
                    }
                    unfinished.insert(next)
                } else if let one = unfinished.randomElement(using: &random) {
                    unfinished.remove(one)
                    ledger.finish(one)
                }
                #expect(ledger.position >= last)
                #expect(ledger.position <= unfinished.min() ?? .max)
                last = ledger.position
                let beyond = ledger.finishedBeyond
                #expect(!unfinished.contains { one in beyond.contains { $0.contains(one) } })
                let text = OffsetMetadata.encode(beyond, from: ledger.position)
                #expect(OffsetMetadata.decode(text, from: ledger.position) == beyond)
            }
        }
    }

    @Test func `the map keeps within what a broker takes, and says less rather than wrong`() {
        let ranges: [Range<Int64>] = (0..<3000).map { number in
            let first = Int64(number) * 3
            return first..<first + 1
        }
        let text = OffsetMetadata.encode(ranges, from: 0)
        #expect(text.utf8.count <= OffsetMetadata.largest)
        #expect(text.allSatisfy { $0.isASCII })
        let read = OffsetMetadata.decode(text, from: 0)
        #expect(read.count > 500)
        #expect(Array(ranges.prefix(read.count)) == read)
    }

    @Test(arguments: ["", "2:1+1", "1:", "1:?+!", "1:1", "1:1+0", "1:-1+1", "1:1+1,", "1:zzzzzzzzzzzz+1", "garbage"])
    func `text that is no map says nothing`(text: String) {
        #expect(OffsetMetadata.decode(text, from: 5).isEmpty)
    }

    @Test(arguments: [-1, 1 << 60, Int64.max])
    func `a map from where no partition comes says nothing`(position: Int64) {
        #expect(OffsetMetadata.decode("1:1+3,2+1", from: position).isEmpty)
    }
}
