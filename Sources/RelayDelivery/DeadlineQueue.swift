internal import HeapModule
public import RelayFormat

/// Keeps keys in the order of their deadlines; keys that are settled earlier are dropped without a search.
public struct DeadlineQueue<Key: Hashable & Sendable>: Sendable {
    private struct Entry: Comparable, Sendable {
        var deadline: RelayTime
        var key: Key
        static func < (left: Self, right: Self) -> Bool { left.deadline < right.deadline }
        static func == (left: Self, right: Self) -> Bool { left.deadline == right.deadline }
    }

    private var heap = Heap<Entry>()
    private var deadlines: [Key: RelayTime] = [:]

    /// Makes an empty queue.
    public init() {}

    /// How many keys have a deadline.
    public var count: Int { deadlines.count }

    /// The earliest deadline; may be that of a key that was removed, never later than the true one.
    public var earliest: RelayTime? { deadlines.isEmpty ? nil : heap.min?.deadline }

    /// Sets the deadline of a key, in place of any it had.
    public mutating func set(_ deadline: RelayTime, for key: Key) {
        deadlines[key] = deadline
        heap.insert(Entry(deadline: deadline, key: key))
        compactIfStale()
    }

    /// Forgets a key.
    public mutating func remove(_ key: Key) {
        deadlines[key] = nil
    }

    /// Takes the keys whose deadline is `now` or earlier.
    public mutating func takeDue(at now: RelayTime) -> [Key] {
        var due: [Key] = []
        while let first = heap.min, first.deadline <= now {
            heap.removeMin()
            guard deadlines[first.key] == first.deadline else { continue }
            deadlines[first.key] = nil
            due.append(first.key)
        }
        return due
    }

    private mutating func compactIfStale() {
        guard heap.count > 2 * deadlines.count + 1024 else { return }
        heap = Heap(deadlines.map { Entry(deadline: $0.value, key: $0.key) })
    }
}
