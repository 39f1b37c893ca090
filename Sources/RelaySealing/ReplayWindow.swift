/// Which sequence numbers were seen: each counts once, and none that is 4096 or more behind the highest (RFC 6479).
public struct ReplayWindow: Sendable {
    /// How far behind the highest a number still counts.
    public static let size: UInt64 = 4096
    private static let wordCount = Int(size) / 64 + 1

    private var words = [UInt64](repeating: 0, count: wordCount)
    /// The highest number that was seen.
    public private(set) var highest: UInt64 = 0

    /// Makes a window that has seen nothing.
    public init() {}

    /// Takes a number of an authentic message; false when it was seen, is too old, or is zero.
    public mutating func accept(_ sequence: UInt64) -> Bool {
        guard sequence > 0 else { return false }
        if sequence > highest {
            // Words between the old highest and the new one hold bits of a full turn ago.
            let steps = min(sequence / 64 - highest / 64, UInt64(Self.wordCount))
            if steps > 0 {
                let last = sequence / 64
                for word in (last - steps + 1)...last { words[Int(word % UInt64(Self.wordCount))] = 0 }
            }
            highest = sequence
        } else if highest - sequence >= Self.size {
            return false
        }
        let index = Int(sequence / 64 % UInt64(Self.wordCount))
        let bit: UInt64 = 1 << (sequence % 64)
        guard words[index] & bit == 0 else { return false }
        words[index] |= bit
        return true
    }
}
