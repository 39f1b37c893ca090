import Crypto
import RelayFormat
import TestTools
import Testing

@testable import RelaySealing

@Suite("Messages under one signature")
struct BatchTests {
    /// RFC 6962 section 2.1, word for word.
    private func root(_ leaves: ArraySlice<[UInt8]>) -> [UInt8] {
        guard leaves.count > 1, let first = leaves.first else { return leaves.first ?? [] }
        var split = 1
        while split * 2 < leaves.count { split *= 2 }
        _ = first
        let middle = leaves.startIndex + split
        return Array(SHA256.hash(data: [1] + root(leaves[..<middle]) + root(leaves[middle...])))
    }

    @Test("the tree and its paths are those of RFC 6962, for each number of messages")
    func tree() {
        let digests = (0..<256).map { SHA256.hash(data: [UInt8($0)]) }
        for count in 1...256 {
            let leaves = Array(digests.prefix(count))
            let tree = BatchTree(leaves)
            #expect(Array(tree.root) == root(leaves.map { Array($0) }[...]), "\(count)")
            // All paths of the small trees, and those at the edges of the large ones.
            let checked = count <= 40 ? Array(0..<count) : [0, 1, count / 2, count - 2, count - 1]
            for leaf in checked {
                var path: [UInt8] = []
                tree.appendPath(of: leaf, to: &path)
                #expect(path.count == 32 * BatchTree.pathLength(leaf: leaf, count: count))
                #expect(path.count <= 256)
                #expect(KnownNodes(leaves[leaf], at: leaf, of: count, path: path[...]).root == tree.root)
            }
        }
    }

    @Test("each opens alone, in any order, and its signature is verified once", arguments: [1, 2, 3, 5, 64, 255, 256])
    func batches(count: Int) throws {
        let stage = try SealingStage()
        let receiver = try stage.epoch(of: stage.connectors[0])
        let sender = try stage.epoch(of: stage.dispatcher)
        let signer = Counting(key: stage.dispatcher.identity)
        let batch = (0..<count).map { number in
            (
                header: stage.header(.request, from: stage.dispatcher, sequence: UInt64(number + 1)),
                body: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: number)
            )
        }
        let payloads = try sender.seal(batch, by: signer, at: SealingStage.now)
        #expect(payloads.count == count)
        let verified = VerifiedBatches()
        for (payload, message) in zip(payloads, batch).reversed() {
            #expect(
                try receiver.open(payload, header: message.header, verified: verified, at: SealingStage.now)
                    == message.body[...])
        }
        #expect(verified.count == (count == 1 ? 0 : 1))
    }

    /// Checks that it is asked once.
    private final class Counting: IdentitySigning {
        private let key: P256.Signing.PrivateKey
        private let isUsed = Used()
        init(key: P256.Signing.PrivateKey) { self.key = key }
        var publicKey: P256.Signing.PublicKey { key.publicKey }
        func signature(over bytes: [UInt8]) throws -> [UInt8] {
            #expect(isUsed.first())
            return try key.signature(over: bytes)
        }
    }

    @Test("a signature may come later, from a key that lies elsewhere")
    func laterSignature() throws {
        let stage = try SealingStage()
        let receiver = try stage.epoch(of: stage.connectors[0])
        let verified = VerifiedBatches()
        for count in [1, 3] {
            let batch = (1...count).map {
                (header: stage.header(.request, from: stage.dispatcher, sequence: UInt64($0)), body: [UInt8($0)])
            }
            let unsigned = try stage.epoch(of: stage.dispatcher).prepare(batch, at: SealingStage.now)
            #expect(refusal { try unsigned.signed(with: [1, 2, 3]) } == .signer)
            let signature = try stage.dispatcher.identity.signature(for: unsigned.signedBytes).rawRepresentation
            let payloads = try unsigned.signed(with: Array(signature))
            #expect(payloads.count == count)
            for (payload, message) in zip(payloads, batch) {
                #expect(
                    try receiver.open(payload, header: message.header, verified: verified, at: SealingStage.now)
                        == message.body[...])
            }
        }
    }

    @Test("a batch has 1 to 256 messages")
    func bounds() throws {
        let stage = try SealingStage()
        let sender = try stage.epoch(of: stage.dispatcher)
        for count in [0, 257] {
            let batch = (0..<count).map {
                (header: stage.header(.request, from: stage.dispatcher, sequence: UInt64($0 + 1)), body: [UInt8]())
            }
            #expect(
                refusal { try sender.seal(batch, by: stage.dispatcher.identity, at: SealingStage.now) } == .tooLarge)
        }
    }

    @Test("a proof proves nothing for another message, index, count, path or signature, known root or not")
    func proofs() throws {
        let stage = try SealingStage()
        let receiver = try stage.epoch(of: stage.connectors[0])
        let sender = try stage.epoch(of: stage.dispatcher)
        func batch(from first: UInt64) throws -> [[UInt8]] {
            try sender.seal(
                (0..<5).map { (stage.header(.request, from: stage.dispatcher, sequence: first + $0), [UInt8($0)]) },
                by: stage.dispatcher.identity, at: SealingStage.now)
        }
        let payloads = try batch(from: 1)
        let others = try batch(from: 100)
        let verified = VerifiedBatches()
        func code(_ payload: [UInt8]) -> SealingError.Code? {
            refusal { try receiver.open(GroupMessage(decoding: payload), verified: verified, at: SealingStage.now) }
        }
        let sealedSize = 128 + 32 + 320 + 16
        for _ in 0..<2 {
            for (index, payload) in payloads.enumerated() {
                // Each proof behind each other message, of this batch and of another one.
                for (other, foreign) in (payloads + others).enumerated() where other != index {
                    #expect(code(Array(payload.prefix(sealedSize) + foreign.dropFirst(sealedSize))) != nil)
                }
                for position in sealedSize..<payload.count {
                    var changed = payload
                    changed[position] ^= 1
                    #expect(code(changed) != nil, "\(index) \(position)")
                }
                // A true root with the signature of another batch.
                #expect(code(Array(payload.dropLast(64) + others[index].suffix(64))) == .signature)
                for leaf in 0..<UInt8(255) where Int(leaf) != index {
                    var changed = payload
                    changed[payload.count - 66] = leaf
                    #expect(code(changed) != nil)
                }
                for count in 0...UInt8(255) where count != 4 {
                    var changed = payload
                    changed[payload.count - 65] = count
                    #expect(code(changed) != nil)
                }
            }
            // The second time the root is known.
            for payload in payloads { #expect(code(payload) == nil) }
        }
        #expect(verified.count == 1)
    }

    @Test("a verified root of one sender is none of another")
    func otherSender() throws {
        let stage = try SealingStage()
        let verified = VerifiedBatches()
        let (one, other) = (stage.connectors[0], stage.connectors[1])
        let receiver = try stage.epoch(of: stage.dispatcher)
        let batch = [1, 2].map { (header: stage.header(.beat, from: one, sequence: $0), body: [UInt8]()) }
        for payload in try stage.epoch(of: one).seal(batch, by: one.identity, at: SealingStage.now) {
            _ = try receiver.open(GroupMessage(decoding: payload), verified: verified, at: SealingStage.now)
        }
        // The other connector's messages, signed by the first one.
        let lies = [1, 2].map { (header: stage.header(.beat, from: other, sequence: $0), body: [UInt8]()) }
        for payload in try stage.epoch(of: other).seal(lies, by: one.identity, at: SealingStage.now) {
            #expect(
                refusal { try receiver.open(GroupMessage(decoding: payload), verified: verified, at: SealingStage.now) }
                    == .signature)
        }
    }

    @Test("the memory of verified batches is bounded, and forgets the oldest")
    func memory() {
        let verified = VerifiedBatches(capacity: 3)
        let batch = KnownNodes(
            SHA256.hash(data: [UInt8]()), at: 0, of: 2, path: [UInt8](repeating: 0, count: 32)[...])
        func name(_ number: UInt8) -> VerifiedBatches.Name {
            VerifiedBatches.Name(senderKey: [1], signature: [number], count: 2)
        }
        for number in 0..<10 as Range<UInt8> {
            verified.insert(batch, as: name(number))
            verified.insert(batch, as: name(number))
            #expect(verified.count == min(3, Int(number) + 1))
        }
        #expect(verified[name(6)] == nil)
        for number in 7...9 as ClosedRange<UInt8> { #expect(verified[name(number)] === batch) }
    }

    @Test("a batch contains its leaves at their places by their paths and nothing else, in whatever order they come")
    func contents() {
        for count in 1...256 where count < 20 || count % 31 == 0 || count > 254 {
            let leaves = (0..<count).map { SHA256.hash(data: [UInt8($0)]) }
            let tree = BatchTree(leaves)
            let paths = (0..<count).map { leaf in
                var path: [UInt8] = []
                tree.appendPath(of: leaf, to: &path)
                return path
            }
            for order in [Array(0..<count), Array((0..<count).reversed()), (0..<count).shuffled()] {
                let first = order[0]
                let lie = SHA256.hash(data: [UInt8(first), 1])
                #expect(KnownNodes(lie, at: first, of: count, path: paths[first][...]).root != tree.root)
                let batch = KnownNodes(leaves[first], at: first, of: count, path: paths[first][...])
                #expect(batch.root == tree.root)
                for leaf in order {
                    // Before it is known, and after.
                    for _ in 0..<2 {
                        #expect(!batch.contains(SHA256.hash(data: [UInt8(leaf), 1]), at: leaf, path: paths[leaf][...]))
                        for position in stride(from: 0, to: paths[leaf].count, by: 13) {
                            var changed = paths[leaf]
                            changed[position] ^= 0x80
                            #expect(!batch.contains(leaves[leaf], at: leaf, path: changed[...]), "\(count) \(leaf)")
                        }
                        if count > 1 {
                            let other = (leaf + 1) % count
                            #expect(!batch.contains(leaves[leaf], at: other, path: paths[other][...]))
                        }
                        #expect(batch.contains(leaves[leaf], at: leaf, path: paths[leaf][...]), "\(count) \(leaf)")
                    }
                }
            }
        }
    }
}
