/// Turns a flood of the same event into one at once and one with a count when its window ends.
public struct RepetitionTally<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// What was held back.
    public struct Repeated: Sendable {
        /// The kind of event.
        public var key: Key
        /// The last of them.
        public var last: Value
        /// How many there were after the first.
        public var count: UInt64
    }

    private struct Window: Sendable {
        var end: UInt64
        var count: UInt64
        var last: Value
    }

    private let length: UInt64
    private let capacity: Int
    private var windows: [Key: Window] = [:]

    /// Makes an empty tally.
    ///
    /// - Parameters:
    ///   - length: of a window, in the unit of the times given.
    ///   - capacity: how many kinds are told apart; what comes beyond is not to be recorded by itself.
    public init(length: UInt64, capacity: Int) {
        self.length = length
        self.capacity = capacity
    }

    /// What is to be done with an event.
    public enum Verdict: Sendable, Equatable {
        /// Record it.
        case record
        /// It is counted.
        case counted
        /// There are too many kinds; count it with the others under a key of its own.
        case crowded
    }

    /// Takes an event.
    public mutating func take(_ key: Key, _ value: Value, at now: UInt64) -> Verdict {
        if windows[key] != nil {
            windows[key]?.count += 1
            windows[key]?.last = value
            return .counted
        }
        guard windows.count < capacity else { return .crowded }
        windows[key] = Window(end: now + length, count: 0, last: value)
        return .record
    }

    /// Takes out what was held back in windows that have ended; with `all`, in every window.
    public mutating func collect(at now: UInt64, all: Bool = false) -> [Repeated] {
        var repeated: [Repeated] = []
        for (key, window) in windows where all || window.end <= now {
            if window.count > 0 { repeated.append(Repeated(key: key, last: window.last, count: window.count)) }
            windows[key] = nil
        }
        return repeated
    }
}
