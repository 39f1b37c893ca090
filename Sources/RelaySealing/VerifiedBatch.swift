internal import Crypto
internal import Synchronization

/// A batch whose signature was found to be right, with the nodes of its tree that are known to be in it.
///
/// Who has shown that a node leads to the root has shown it of all siblings on the way: the next messages of the batch are
/// compared with what is known, and hashed no further than to there. Every byte of their paths is compared all the same.
final class VerifiedBatch: Sendable {
    private let count: Int
    /// Level by level from the leaves on; of two siblings both are known, or neither.
    private let nodes: Mutex<[Node?]>

    /// Begins with the root alone, over 1 to 256 leaves.
    init(root: SHA256.Digest, count: Int) {
        self.count = count
        var (size, total) = (count, 1)
        while size > 1 {
            total += size
            size = (size + 1) / 2
        }
        var nodes = [Node?](repeating: nil, count: total)
        nodes[total - 1] = Node(root)
        self.nodes = Mutex(nodes)
    }

    /// Whether that leaf is in the batch, by a path that has as many bytes as `BatchTree.pathLength` asks for.
    func contains(_ digest: SHA256.Digest, at leaf: Int, path: ArraySlice<UInt8>) -> Bool {
        nodes.withLock { nodes in
            var (node, rest) = (Node(digest), path)
            var place = Place(index: leaf, size: count)
            var found: [(position: Int, node: Node)] = []
            // Up to the first node that is known; the root is.
            while nodes[place.position] == nil {
                found.append((place.position, node))
                if let sibling = place.sibling {
                    guard let other = Node(taking: &rest) else { return false }
                    found.append((sibling, other))
                    node = place.isRight ? Node(parentOf: other, node) : Node(parentOf: node, other)
                }
                place.rise()
            }
            guard nodes[place.position] == node else { return false }
            // Above it all siblings are known.
            while place.size > 1 {
                if let sibling = place.sibling {
                    guard let other = Node(taking: &rest), nodes[sibling] == other else { return false }
                }
                place.rise()
            }
            for (position, node) in found { nodes[position] = node }
            return true
        }
    }

    /// A hash, as wide as a register.
    private struct Node: Equatable {
        private let words: SIMD4<UInt64>

        init(_ digest: SHA256.Digest) { words = digest.withUnsafeBytes { $0.loadUnaligned(as: SIMD4<UInt64>.self) } }

        /// Takes the first bytes; nil when there are too few.
        init?(taking bytes: inout ArraySlice<UInt8>) {
            guard bytes.count >= SHA256.byteCount else { return nil }
            words = bytes.withUnsafeBytes { $0.loadUnaligned(as: SIMD4<UInt64>.self) }
            bytes = bytes.dropFirst(SHA256.byteCount)
        }

        init(parentOf left: Node, _ right: Node) {
            self.init(
                withUnsafeBytes(of: left.words) { left in
                    withUnsafeBytes(of: right.words) { BatchTree.node(left, $0) }
                })
        }
    }

    /// Where a node is, on its way up.
    private struct Place {
        var index: Int
        /// How many nodes its level has.
        var size: Int
        /// How many nodes the levels below have.
        var below = 0

        var position: Int { below + index }
        var isRight: Bool { index & 1 == 1 }
        var sibling: Int? { index ^ 1 < size ? below + (index ^ 1) : nil }

        mutating func rise() {
            below += size
            index >>= 1
            size = (size + 1) / 2
        }
    }
}
