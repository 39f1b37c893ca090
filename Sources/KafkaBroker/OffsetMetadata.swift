/// The finished offsets beyond a committed one, as the metadata of a commit.
///
/// ASCII, 4,096 bytes at most (`offset.metadata.max.bytes`): `1:` and then, by commas, how many offsets are passed over
/// since the last finished one and how many are finished from there, both in base 36: `1:1+3,2+1`.
enum OffsetMetadata {
    /// What a broker takes.
    static let largest = 4096
    /// From this size on nothing new is taken from the partition until the map has shrunk.
    static let crowded = largest * 3 / 4

    /// Writes the map; what does not fit is left out, and will come again.
    static func encode(_ finished: [Range<Int64>], from position: Int64) -> String {
        guard !finished.isEmpty else { return "" }
        var text = "1:"
        var last = position
        for range in finished {
            let part = "\(String(range.lowerBound - last, radix: 36))+\(String(range.count, radix: 36))"
            if text.utf8.count + part.utf8.count + 1 > largest { break }
            text += (text.utf8.count > 2 ? "," : "") + part
            last = range.upperBound
        }
        return text
    }

    /// Reads a map; one that is none says nothing, so that all comes again.
    static func decode(_ text: String, from position: Int64) -> [Range<Int64>] {
        // No partition comes that far; what a server makes up must not lead beyond what an offset can be.
        guard text.hasPrefix("1:"), text.utf8.count <= largest, (0..<1 << 60).contains(position) else { return [] }
        var ranges: [Range<Int64>] = []
        var last = position
        for part in text.dropFirst(2).split(separator: ",", omittingEmptySubsequences: false) {
            let numbers = part.split(separator: "+", omittingEmptySubsequences: false).map { Int64($0, radix: 36) }
            guard numbers.count == 2, let gap = numbers[0], let count = numbers[1], gap >= 0, count > 0,
                gap < 1 << 40, count < 1 << 40
            else { return [] }
            ranges.append(last + gap..<last + gap + count)
            last += gap + count
        }
        return ranges
    }
}
