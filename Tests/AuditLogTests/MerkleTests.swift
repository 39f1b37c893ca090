import AuditLog
import Crypto
import Testing
import TestTools

/// The incremental tree and its proofs against RFC 6962's definitions, written down as they stand there.
@Suite struct MerkleTests {
    /// MTH of RFC 6962 section 2.1.
    private static func naiveRoot(_ leaves: ArraySlice<AuditHash>) -> AuditHash {
        guard leaves.count > 1 else { return leaves.first ?? .empty }
        var split = 1
        while split * 2 < leaves.count { split *= 2 }
        return .node(naiveRoot(leaves.prefix(split)), naiveRoot(leaves.dropFirst(split)))
    }

    private static func leaves(_ count: Int, seed: UInt64) -> [AuditHash] {
        var random = SplitMix(seed: seed)
        return (0..<count).map { _ in
            .leaf((0..<Int.random(in: 0..<40, using: &random)).map { _ in .random(in: 0...255, using: &random) })
        }
    }

    private static func tree(_ leaves: [AuditHash]) -> MerkleTree<Never> {
        MerkleTree { subtree in
            let count = 1 << subtree.level
            return naiveRoot(leaves[(Int(subtree.index) * count)..<((Int(subtree.index) + 1) * count)])
        }
    }

    @Test func theHashesAreThoseOfTheStandard() throws {
        // From the test data of Certificate Transparency: the empty tree, the empty leaf, a leaf.
        #expect("\(AuditHash.empty)" == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect("\(AuditHash.leaf([]))" == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")
        var frontier = MerkleFrontier()
        let inputs: [[UInt8]] = [
            [], [0x00], [0x10], [0x20, 0x21], [0x30, 0x31], [0x40, 0x41, 0x42, 0x43],
            [0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            [0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ]
        var roots: [String] = []
        for input in inputs {
            frontier.append(.leaf(input))
            roots.append("\(frontier.head.root)")
        }
        #expect(roots[0] == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")
        #expect(roots[1] == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125")
        #expect(roots[2] == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77")
        #expect(roots[7] == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")
    }

    @Test func theIncrementalRootIsTheNaiveOneAtEverySize() throws {
        let leaves = Self.leaves(300, seed: 1)
        var frontier = MerkleFrontier()
        for size in 0...leaves.count {
            #expect(frontier.head == AuditHead(size: UInt64(size), root: Self.naiveRoot(leaves.prefix(size))))
            #expect(frontier.peaks.count == size.nonzeroBitCount)
            #expect(MerkleFrontier(size: frontier.size, peaks: frontier.peaks) == frontier)
            if size < leaves.count { frontier.append(leaves[size]) }
        }
    }

    @Test func theCompletedSubtreesAreTheNaiveOnes() {
        let leaves = Self.leaves(70, seed: 2)
        var frontier = MerkleFrontier()
        var seen = 0
        for leaf in leaves {
            frontier.append(leaf) { subtree, hash in
                let count = 1 << subtree.level
                let begin = Int(subtree.index) * count
                #expect(hash == Self.naiveRoot(leaves[begin..<(begin + count)]))
                seen += 1
            }
        }
        #expect(seen == 35 + 17 + 8 + 4 + 2 + 1)
    }

    @Test func everyConsistencyProofHoldsAndNoOtherHeadDoes() {
        let leaves = Self.leaves(65, seed: 3)
        let tree = Self.tree(leaves)
        let heads = (0...leaves.count).map { AuditHead(size: UInt64($0), root: Self.naiveRoot(leaves.prefix($0))) }
        let foreign = AuditHash.leaf([1, 2, 3])
        for second in heads {
            for first in heads.prefix(Int(second.size) + 1) {
                let proof = tree.consistencyProof(first: first.size, second: second.size)
                #expect(MerkleProof.extends(first, to: second, by: proof), "\(first.size) \(second.size)")
                if first.size > 0 {
                    let forged = AuditHead(size: first.size, root: foreign)
                    #expect(!MerkleProof.extends(forged, to: second, by: proof))
                }
                if second.size > 0, first.size > 0 {
                    #expect(!MerkleProof.extends(first, to: AuditHead(size: second.size, root: foreign), by: proof))
                    #expect(!MerkleProof.extends(first, to: second, by: proof + [foreign]))
                }
                if !proof.isEmpty { #expect(!MerkleProof.extends(first, to: second, by: Array(proof.dropLast()))) }
            }
        }
    }

    @Test func everyInclusionProofHoldsAtItsPlaceAlone() {
        let leaves = Self.leaves(40, seed: 4)
        let tree = Self.tree(leaves)
        for size in 1...leaves.count {
            let head = AuditHead(size: UInt64(size), root: Self.naiveRoot(leaves.prefix(size)))
            for index in 0..<size {
                let proof = tree.inclusionProof(leaf: UInt64(index), size: head.size)
                #expect(MerkleProof.includes(leaves[index], at: UInt64(index), in: head, by: proof))
                #expect(!MerkleProof.includes(.leaf([9]), at: UInt64(index), in: head, by: proof))
                if size > 1 {
                    #expect(!MerkleProof.includes(leaves[index], at: UInt64((index + 1) % size), in: head, by: proof))
                }
            }
            #expect(!MerkleProof.includes(leaves[0], at: head.size, in: head, by: []))
        }
    }

    @Test func aFrontierWithTooFewPeaksIsNone() {
        #expect(MerkleFrontier(size: 3, peaks: [.empty]) == nil)
        #expect(AuditHash(hex: "00") == nil)
        #expect(AuditHash(hex: String(repeating: "é", count: 32)) == nil)
        #expect(AuditHash(hex: AuditHash.empty.description) == .empty)
    }
}
