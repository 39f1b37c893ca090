/// Checks of proofs, without the tree (RFC 9162 sections 2.1.3.2 and 2.1.4.2, which verify the proofs of RFC 6962).
public enum MerkleProof {
    /// Whether the proof shows that a leaf stands at a place of the log with this head.
    public static func includes(
        _ leaf: AuditHash, at index: UInt64, in head: AuditHead, by proof: [AuditHash]
    ) -> Bool {
        guard index < head.size else { return false }
        var (node, last, hash) = (index, head.size - 1, leaf)
        for sibling in proof {
            guard last > 0 else { return false }
            if node & 1 == 1 || node == last {
                hash = .node(sibling, hash)
                while node & 1 == 0, node != 0 {
                    node >>= 1
                    last >>= 1
                }
            } else {
                hash = .node(hash, sibling)
            }
            node >>= 1
            last >>= 1
        }
        return last == 0 && hash == head.root
    }

    /// Whether the proof shows that the log of the second head begins with that of the first.
    public static func extends(_ first: AuditHead, to second: AuditHead, by proof: [AuditHash]) -> Bool {
        guard first.size <= second.size else { return false }
        guard first.size < second.size else { return first == second && proof.isEmpty }
        guard first.size > 0 else { return first == .empty && proof.isEmpty }
        var rest = proof[...]
        // A first tree that is perfect is its own first node, and not in the proof.
        guard let start = first.size.nonzeroBitCount == 1 ? first.root : rest.popFirst() else { return false }
        var (node, last) = (first.size - 1, second.size - 1)
        while node & 1 == 1 {
            node >>= 1
            last >>= 1
        }
        var (old, new) = (start, start)
        for sibling in rest {
            guard last > 0 else { return false }
            if node & 1 == 1 || node == last {
                old = .node(sibling, old)
                new = .node(sibling, new)
                while node & 1 == 0, node != 0 {
                    node >>= 1
                    last >>= 1
                }
            } else {
                new = .node(new, sibling)
            }
            node >>= 1
            last >>= 1
        }
        return last == 0 && old == first.root && new == second.root
    }
}
