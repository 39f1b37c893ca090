/// An endless row of inputs, each a valid one with a few changes.
public struct ByteChanges {
    private let valid: [[UInt8]]
    private var random: SplitMix
    private static let edges: [UInt64] = [
        0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
        0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, .max,
    ]

    /// Changes the given inputs, of which there is at least one.
    public init(_ valid: [[UInt8]], seed: UInt64) {
        precondition(!valid.isEmpty, "there is nothing to change")
        self.valid = valid
        random = SplitMix(seed: seed)
    }

    private mutating func number(below bound: Int) -> Int { bound < 2 ? 0 : Int.random(in: 0..<bound, using: &random) }

    /// The next input.
    public mutating func next() -> [UInt8] {
        var bytes = valid[number(below: valid.count)]
        for _ in 0...number(below: 3) { change(&bytes) }
        return bytes
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else {
            bytes = (0..<number(below: 40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            return
        }
        let place = number(below: bytes.count)
        switch number(below: 9) {
        case 0, 1: bytes[place] ^= 1 << number(below: 8)
        case 2: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 3, 4:
            // A length or a count that lies.
            let width = [1, 2, 4, 8][number(below: 4)]
            let value = Self.edges[number(below: Self.edges.count)]
            for offset in 0..<min(width, bytes.count - place) {
                bytes[place + offset] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (width - 1 - offset)))
            }
        case 5: bytes.removeLast(bytes.count - place)
        case 6: bytes.removeSubrange(place..<min(bytes.count, place + 1 + number(below: 40)))
        case 7:
            let part = Array(bytes[place..<min(bytes.count, place + 1 + number(below: 64))])
            bytes.insert(contentsOf: part, at: number(below: bytes.count + 1))
        default:
            let other = valid[number(below: valid.count)]
            let from = number(below: other.count)
            bytes = Array(bytes.prefix(place)) + other.dropFirst(from)
        }
    }
}
