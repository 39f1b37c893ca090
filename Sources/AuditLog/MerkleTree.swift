/// Roots and proofs of a Merkle tree whose perfect subtrees can be looked up (RFC 6962 section 2.1).
public struct MerkleTree<Failure: Error> {
    private let subtree: (MerkleFrontier.Subtree) throws(Failure) -> AuditHash

    /// Makes a tree over whoever knows the hashes of its perfect subtrees, down to its leaves (level 0).
    public init(_ subtree: @escaping (MerkleFrontier.Subtree) throws(Failure) -> AuditHash) {
        self.subtree = subtree
    }

    /// The root over the first leaves.
    public func root(ofFirst size: UInt64) throws(Failure) -> AuditHash {
        size == 0 ? .empty : try hash(0..<size)
    }

    /// Proves that the tree of `second` leaves begins with that of `first` (RFC 6962 section 2.1.2).
    ///
    /// It is empty for equal sizes and for a first tree without leaves.
    public func consistencyProof(first: UInt64, second: UInt64) throws(Failure) -> [AuditHash] {
        guard first > 0, first < second else { return [] }
        return try consistency(first, 0..<second, isWhole: true)
    }

    /// Proves that a leaf is part of the tree of `size` leaves (RFC 6962 section 2.1.1).
    public func inclusionProof(leaf: UInt64, size: UInt64) throws(Failure) -> [AuditHash] {
        guard leaf < size else { return [] }
        return try path(leaf, 0..<size)
    }

    private func hash(_ range: Range<UInt64>) throws(Failure) -> AuditHash {
        let count = range.upperBound - range.lowerBound
        guard count.nonzeroBitCount > 1 else {
            let level = count.trailingZeroBitCount
            return try subtree(.init(level: level, index: range.lowerBound >> level))
        }
        let middle = Self.middle(of: range)
        return .node(try hash(range.lowerBound..<middle), try hash(middle..<range.upperBound))
    }

    private func consistency(
        _ first: UInt64, _ range: Range<UInt64>, isWhole: Bool
    ) throws(Failure) -> [AuditHash] {
        guard first < range.upperBound else { return isWhole ? [] : [try hash(range)] }
        let middle = Self.middle(of: range)
        if first <= middle {
            return try consistency(first, range.lowerBound..<middle, isWhole: isWhole)
                + [try hash(middle..<range.upperBound)]
        }
        return try consistency(first, middle..<range.upperBound, isWhole: false)
            + [try hash(range.lowerBound..<middle)]
    }

    private func path(_ leaf: UInt64, _ range: Range<UInt64>) throws(Failure) -> [AuditHash] {
        guard range.upperBound - range.lowerBound > 1 else { return [] }
        let middle = Self.middle(of: range)
        return leaf < middle
            ? try path(leaf, range.lowerBound..<middle) + [try hash(middle..<range.upperBound)]
            : try path(leaf, middle..<range.upperBound) + [try hash(range.lowerBound..<middle)]
    }

    /// Where a range of at least two leaves is split: behind the largest power of two that is smaller than it.
    private static func middle(of range: Range<UInt64>) -> UInt64 {
        let last = range.upperBound - range.lowerBound - 1
        return range.lowerBound + 1 << UInt64(UInt64.bitWidth - 1 - last.leadingZeroBitCount)
    }
}
