internal import Crypto

/// What stands behind the tag of a group message: that the sender signed the batch to which it belongs.
///
/// Layout: the path, 32 bytes for each sibling · leaf index 1 · leaf count less one 1 · signature 64. Index and count say
/// how many siblings there are, so a message is read from its end.
struct BatchProof: Sendable {
    /// The bytes behind the path.
    static let fixedSize = 2 + IdentitySignature.size
    /// The most bytes of a proof.
    static let largestSize = 8 * SHA256.byteCount + fixedSize

    private static let label = Array("postern batch v1\0".utf8)

    let path: ArraySlice<UInt8>
    let leaf: Int
    let count: Int
    let signature: ArraySlice<UInt8>

    /// How many bytes it takes.
    var size: Int { path.count + Self.fixedSize }

    /// Reads the proof at the end of a message.
    ///
    /// - Throws: `malformed` when there is none.
    init(endOf message: [UInt8]) throws(SealingError) {
        guard message.count >= Self.fixedSize else { throw SealingError(.malformed, "the message has no proof") }
        let start = message.count - Self.fixedSize
        leaf = Int(message[start])
        count = Int(message[start + 1]) + 1
        guard leaf < count else { throw SealingError(.malformed, "the proof is of a message outside of its batch") }
        let length = BatchTree.pathLength(leaf: leaf, count: count) * SHA256.byteCount
        guard start >= length else { throw SealingError(.malformed, "the proof is cut off") }
        path = message[start - length..<start]
        signature = message[(start + 2)...]
    }

    /// Appends to each message of a batch what proves it.
    static func append(_ signature: [UInt8], of tree: BatchTree, to messages: inout [[UInt8]]) {
        let count = UInt8(messages.count - 1)
        for index in messages.indices {
            tree.appendPath(of: index, to: &messages[index])
            messages[index].append(UInt8(index))
            messages[index].append(count)
            messages[index].append(contentsOf: signature)
        }
    }

    /// What the signature is over.
    static func signedBytes(root: SHA256.Digest, count: Int) -> [UInt8] {
        var bytes = label
        bytes.reserveCapacity(label.count + SHA256.byteCount + 1)
        root.withUnsafeBytes { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(count - 1))
        return bytes
    }
}
