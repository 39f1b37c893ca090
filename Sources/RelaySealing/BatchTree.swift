internal import Crypto

/// The Merkle tree over messages that leave together (RFC 6962 section 2.1), so that one signature serves them all.
struct BatchTree: Sendable {
    /// The most messages of one batch.
    static let mostLeaves = 256

    private static let leafMark: UInt8 = 0
    private static let nodeMark: UInt8 = 1

    private let levels: [[SHA256.Digest]]

    /// Makes the tree over 1 to 256 leaves.
    init(_ leaves: [SHA256.Digest]) {
        precondition((1...Self.mostLeaves).contains(leaves.count), "a batch has 1 to 256 messages")
        var levels = [leaves]
        var level = leaves
        while level.count > 1 {
            var next: [SHA256.Digest] = []
            next.reserveCapacity((level.count + 1) / 2)
            for index in stride(from: 0, to: level.count, by: 2) {
                // The last one without a sibling goes up as it is, which gives the tree of the RFC.
                next.append(index + 1 < level.count ? Self.node(level[index], level[index + 1]) : level[index])
            }
            levels.append(next)
            level = next
        }
        self.levels = levels
    }

    var root: SHA256.Digest { levels[levels.count - 1][0] }

    /// Appends the siblings on the way from a leaf to the root.
    func appendPath(of leaf: Int, to output: inout [UInt8]) {
        var index = leaf
        for level in levels.dropLast() {
            let sibling = index ^ 1
            if sibling < level.count { level[sibling].withUnsafeBytes { output.append(contentsOf: $0) } }
            index >>= 1
        }
    }

    /// How many siblings stand on the way from that leaf to the root of so many leaves.
    static func pathLength(leaf: Int, count: Int) -> Int {
        var index = leaf
        var count = count
        var length = 0
        while count > 1 {
            if index ^ 1 < count { length += 1 }
            index >>= 1
            count = (count + 1) / 2
        }
        return length
    }

    /// The hash of a message without its proof.
    static func leaf(_ message: ArraySlice<UInt8>) -> SHA256.Digest {
        var hash = SHA256()
        withUnsafeBytes(of: leafMark) { hash.update(bufferPointer: $0) }
        message.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return hash.finalize()
    }

    private static func node(_ left: SHA256.Digest, _ right: SHA256.Digest) -> SHA256.Digest {
        left.withUnsafeBytes { left in right.withUnsafeBytes { node(left, $0) } }
    }

    /// The node above two others, of 32 bytes each.
    static func node(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> SHA256.Digest {
        // Hashed from one buffer: each update of a hash has a price of its own.
        withUnsafeTemporaryAllocation(byteCount: 1 + 2 * SHA256.byteCount, alignment: 8) { buffer in
            buffer[0] = nodeMark
            UnsafeMutableRawBufferPointer(rebasing: buffer[1...]).copyMemory(from: left)
            UnsafeMutableRawBufferPointer(rebasing: buffer[(1 + SHA256.byteCount)...]).copyMemory(from: right)
            var hash = SHA256()
            hash.update(bufferPointer: UnsafeRawBufferPointer(buffer))
            return hash.finalize()
        }
    }
}
