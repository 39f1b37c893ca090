import RelayFormat
import Testing

@testable import Dispatcher

@Suite("Receipts that gather")
struct ReceiptBookTests {
    private let one = BootID(high: 1, low: 1)
    private let two = BootID(high: 1, low: 2)

    private func ids(_ numbers: ClosedRange<UInt64>) -> [RequestID] { numbers.map { RequestID(high: 0, low: $0) } }

    @Test("wait for each other, for each boot alone, until there are many")
    func gather() {
        var book = ReceiptBook()
        #expect(book.isEmpty)
        #expect(book.add(ids(1...20), for: one, room: 256) == [])
        #expect(book.add(ids(1...20), for: two, room: 256) == [])
        #expect(book.add(ids(21...31), for: one, room: 256) == [])
        #expect(book.add(ids(32...32), for: one, room: 256) == ids(1...32))
        #expect(book.takeAll() == [two: ids(1...20)])
        #expect(book.isEmpty)
    }

    @Test("take no more than an eighth of a connector's room", arguments: [(64, 8), (16, 2), (15, 1), (1, 1), (0, 1)])
    func room(_ room: Int, most: UInt64) {
        var book = ReceiptBook()
        if most > 1 { #expect(book.add(ids(1...most - 1), for: one, room: room) == []) }
        #expect(book.add(ids(most...most), for: one, room: room) == ids(1...most))
        #expect(book.isEmpty)
    }

    @Test("wait although no beat of their connector was heard")
    func unknown() {
        var book = ReceiptBook()
        #expect(book.add(ids(1...255), for: one, room: nil) == [])
        #expect(book.add(ids(256...256), for: one, room: nil) == ids(1...256))
    }
}
