/// What of one partition has come, and what of that is finished; a value without I/O.
///
/// Records run side by side, so they finish out of order. What is committed is the lowest unfinished offset, and with
/// it, as metadata, which ones beyond it are finished: a new owner of the partition passes over those.
struct OffsetLedger {
    private struct Entry {
        var offset: Int64
        var isFinished: Bool
    }

    /// The offset that is expected next.
    private(set) var next: Int64
    /// What has come from the lowest unfinished offset on, by rising offsets; `head` is the first that counts.
    private var entries: [Entry] = []
    private var head = 0
    /// Finished by a former owner, not yet seen here.
    private var known: [Range<Int64>]

    /// Begins where a former owner ended.
    ///
    /// - Parameters:
    ///   - offset: the committed one.
    ///   - finished: what it had finished beyond that.
    init(from offset: Int64, finished: [Range<Int64>] = []) {
        next = offset
        known = finished
    }

    /// The offset to commit: all before it are finished.
    var position: Int64 { head < entries.count ? entries[head].offset : next }

    /// How many that came are unfinished, or wait behind one that is.
    var held: Int { entries.count - head }

    /// Takes note of a record; false when it came before or is finished already.
    mutating func receive(_ offset: Int64) -> Bool {
        guard offset >= next else { return false }
        next = offset + 1
        while let first = known.first, first.upperBound <= offset { known.removeFirst() }
        let isFinished = known.first.map { $0.contains(offset) } ?? false
        if isFinished, held == 0 { return false }
        entries.append(Entry(offset: offset, isFinished: isFinished))
        return !isFinished
    }

    /// Takes note that a record is finished.
    mutating func finish(_ offset: Int64) {
        guard let index = index(of: offset) else { return }
        entries[index].isFinished = true
        while head < entries.count, entries[head].isFinished { head += 1 }
        if head > 64, head * 2 > entries.count {
            entries.removeFirst(head)
            head = 0
        }
    }

    /// The finished offsets beyond `position`.
    var finishedBeyond: [Range<Int64>] {
        var ranges: [Range<Int64>] = []
        for entry in entries[head...] where entry.isFinished {
            if let last = ranges.last, last.upperBound == entry.offset {
                ranges[ranges.count - 1] = last.lowerBound..<entry.offset + 1
            } else {
                ranges.append(entry.offset..<entry.offset + 1)
            }
        }
        return ranges + known.filter { $0.lowerBound >= next }
    }

    private func index(of offset: Int64) -> Int? {
        var (low, high) = (head, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].offset < offset { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].offset == offset ? low : nil
    }
}
