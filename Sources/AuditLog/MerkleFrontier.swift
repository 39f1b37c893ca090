/// The right edge of a Merkle tree: as much of it as appending needs, one hash for each bit that is set in its size.
public struct MerkleFrontier: Sendable, Equatable {
    /// A perfect subtree: the one of 2^level leaves that begins at leaf index · 2^level.
    public struct Subtree: Hashable, Sendable {
        /// The logarithm of its number of leaves.
        public let level: Int
        /// Its place among those of its level.
        public let index: UInt64

        /// Names a subtree.
        public init(level: Int, index: UInt64) {
            self.level = level
            self.index = index
        }
    }

    /// How many leaves the tree has.
    public private(set) var size: UInt64
    /// The hashes of the perfect subtrees, from the largest, which is the leftmost, to the smallest.
    public private(set) var peaks: [AuditHash]

    /// Makes the edge of an empty tree.
    public init() {
        size = 0
        peaks = []
    }

    /// Takes a stored edge; nil when there are not as many peaks as the size needs.
    public init?(size: UInt64, peaks: [AuditHash]) {
        guard peaks.count == size.nonzeroBitCount else { return nil }
        self.size = size
        self.peaks = peaks
    }

    /// Adds a leaf.
    ///
    /// - Parameter completed: told each perfect subtree that the leaf completes, from the smallest (a pair) upwards.
    public mutating func append(_ leaf: AuditHash, completed: (Subtree, AuditHash) -> Void = { _, _ in }) {
        var hash = leaf
        var level = 0
        while size >> level & 1 == 1 {
            hash = .node(peaks.removeLast(), hash)
            level += 1
            completed(Subtree(level: level, index: size >> level), hash)
        }
        peaks.append(hash)
        size += 1
    }

    /// Size and root of the tree.
    public var head: AuditHead {
        guard var root = peaks.last else { return .empty }
        for peak in peaks.dropLast().reversed() { root = .node(peak, root) }
        return AuditHead(size: size, root: root)
    }
}
