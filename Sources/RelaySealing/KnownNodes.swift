internal import Crypto
internal import Synchronization

/// The nodes of a batch's tree that are known to lead to its root.
///
/// Who has shown that a node leads to the root has shown it of all siblings on the way: the next messages of the batch are
/// compared with what is known, and hashed no further than to there. Every byte of their paths is compared all the same.
/// Whether the sender signed the root is for others to find out, before a second message is asked about.
final class KnownNodes: Sendable {
    /// Where the first message's path leads.
    let root: SHA256.Digest
    private let count: Int
    /// Level by level from the leaves on; of two siblings both are known, or neither.
    private let nodes: Mutex<[Node?]>

    /// Begins with one of 1 to 256 leaves and its path, which has as many bytes as `BatchTree.pathLength` asks for.
    init(_ leaf: SHA256.Digest, at index: Int, of count: Int, path: ArraySlice<UInt8>) {
        var (digest, rest) = (leaf, path)
        var place = Place(index: index, size: count)
        var nodes = [Node?](repeating: nil, count: Place.total(over: count))
        while place.size > 1 {
            nodes[place.position] = Node(digest)
            if let sibling = place.sibling, let other = Node(taking: &rest) {
                nodes[sibling] = other
                digest = place.isRight ? other.parent(Node(digest)) : Node(digest).parent(other)
            }
            place.rise()
        }
        nodes[place.position] = Node(digest)
        root = digest
        self.count = count
        self.nodes = Mutex(nodes)
    }

    /// Whether that leaf leads to the root by that path, of as many bytes as `BatchTree.pathLength` asks for.
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
                    node = Node(place.isRight ? other.parent(node) : node.parent(other))
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

        /// The node above this one and its right sibling.
        func parent(_ right: Node) -> SHA256.Digest {
            withUnsafeBytes(of: words) { left in withUnsafeBytes(of: right.words) { BatchTree.node(left, $0) } }
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

        /// How many nodes stand over so many leaves, themselves counted in.
        static func total(over leaves: Int) -> Int {
            var top = Place(index: 0, size: leaves)
            while top.size > 1 { top.rise() }
            return top.position + 1
        }

        mutating func rise() {
            below += size
            index >>= 1
            size = (size + 1) / 2
        }
    }
}
