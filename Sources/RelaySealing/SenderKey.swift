internal import Crypto
internal import RelayFormat

/// The key from which the keys of one sender's messages are derived.
///
/// HKDF-Expand (RFC 5869) and its HMAC (RFC 2104) are written out over two hashes that have taken the key in already, and
/// are fed from one buffer: that is a third of what a small frame costs otherwise. The states are zeroed by the library when
/// they go.
struct SenderKey: Sendable {
    private static let blockSize = 64
    private static let label = Array("msg".utf8)

    /// SHA-256 that has taken in the key with the inner, and with the outer, padding of HMAC.
    private let inner: SHA256
    private let outer: SHA256

    /// Takes a key of at most 64 bytes.
    init(_ key: SymmetricKey) {
        (inner, outer) = key.withUnsafeBytes { key in
            withUnsafeTemporaryAllocation(byteCount: Self.blockSize, alignment: 8) { block in
                precondition(key.count <= Self.blockSize, "keys of messages come from 32 bytes")
                func hash(_ padding: UInt8) -> SHA256 {
                    for index in 0..<Self.blockSize {
                        block[index] = (index < key.count ? key[index] : 0) ^ padding
                    }
                    var hash = SHA256()
                    hash.update(bufferPointer: UnsafeRawBufferPointer(block))
                    return hash
                }
                let both = (hash(0x36), hash(0x5c))
                for index in 0..<Self.blockSize { block[index] = 0 }
                return both
            }
        }
    }

    /// The key of the message with that header, and the commitment to it: HKDF-Expand(key, "msg" | header, 64).
    func derive(header: ArraySlice<UInt8>) -> (key: SymmetricKey, commitment: SHA256.Digest) {
        header.withUnsafeBytes { derive(header: $0) }
    }

    /// The key of the message with that header, and the commitment to it.
    func derive(header: UnsafeRawBufferPointer) -> (key: SymmetricKey, commitment: SHA256.Digest) {
        // The first block of the expansion, the label, the header, the number of the block.
        let (digest, label) = (SHA256.byteCount, Self.label)
        let size = digest + label.count + header.count + 1
        return withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { buffer in
            UnsafeMutableRawBufferPointer(rebasing: buffer[digest...]).copyBytes(from: label)
            UnsafeMutableRawBufferPointer(rebasing: buffer[(digest + label.count)...]).copyBytes(from: header)
            buffer[size - 1] = 1
            let first = code(UnsafeRawBufferPointer(rebasing: buffer[digest...]))
            first.withUnsafeBytes { buffer.copyMemory(from: $0) }
            buffer[size - 1] = 2
            let second = code(UnsafeRawBufferPointer(buffer))
            for index in 0..<digest { buffer[index] = 0 }
            return (first.withUnsafeBytes { SymmetricKey(data: $0) }, second)
        }
    }

    /// The HMAC of the bytes.
    private func code(_ bytes: UnsafeRawBufferPointer) -> SHA256.Digest {
        var hash = inner
        hash.update(bufferPointer: bytes)
        let digest = hash.finalize()
        var whole = outer
        digest.withUnsafeBytes { whole.update(bufferPointer: $0) }
        return whole.finalize()
    }
}
