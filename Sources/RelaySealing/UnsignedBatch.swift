internal import Crypto

/// Messages that are sealed and wait for the one signature that serves them all.
///
/// `Epoch.seal` needs it for a moment only; who signs with a key that lies elsewhere keeps it until the signature is there.
public struct UnsignedBatch: Sendable {
    /// What is to be signed, with ECDSA over SHA-256 of it.
    public let signedBytes: [UInt8]
    private var messages: [[UInt8]]
    private let tree: BatchTree

    init(_ messages: [[UInt8]]) {
        self.messages = messages
        tree = BatchTree(messages.map { BatchTree.leaf($0[...]) })
        signedBytes = BatchProof.signedBytes(root: tree.root, count: messages.count)
    }

    /// Ends the messages with the signature: r and s, 32 bytes each.
    ///
    /// - Throws: `signer` for anything of another size.
    public consuming func signed(with signature: [UInt8]) throws(SealingError) -> [[UInt8]] {
        guard signature.count == IdentitySignature.size else {
            throw SealingError(.signer, "a signature has another size than 64 bytes")
        }
        // Taken out, so that the proofs are appended where the messages lie.
        var messages: [[UInt8]] = []
        swap(&messages, &self.messages)
        BatchProof.append(signature, of: tree, to: &messages)
        return messages
    }
}
