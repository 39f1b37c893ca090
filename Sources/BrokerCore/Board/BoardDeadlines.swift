internal import HeapModule
internal import RelayFormat

/// The moments at which a board has to look at a record again, the earliest first.
///
/// An entry is never taken out before its time: the record remembers which one counts, and the others are stale.
struct BoardDeadlines: Sendable {
    /// A moment and the record to look at.
    struct Entry: Sendable, Comparable {
        let at: RelayTime
        let record: UInt64
        let place: GroupPlace

        static func < (left: Self, right: Self) -> Bool { left.at < right.at }
    }

    private var heap = Heap<Entry>()

    var earliest: Entry? { heap.min }

    /// Whether most of what it holds must be stale, given the number of records that have an entry that counts.
    func isCrowded(forRecords records: Int) -> Bool {
        heap.count > 1024 + 2 * records
    }

    mutating func insert(_ entry: Entry) {
        heap.insert(entry)
    }

    mutating func removeEarliest() {
        heap.removeMin()
    }

    mutating func rebuild(from entries: some Sequence<Entry>) {
        heap = Heap(entries)
    }
}
