internal import Crypto
private import struct Foundation.Data

/// AES-256-GCM as messages use it: each has a key of its own, so the nonce is zero.
enum MessageCipher {
    static let tagSize = 16
    private static let nonceSize = 12
    static let nonce = [UInt8](repeating: 0, count: nonceSize)

    /// Appends ciphertext and tag.
    ///
    /// - Throws: `tooLarge` for more than the cipher takes.
    static func seal(
        _ plaintext: [UInt8], key: SymmetricKey, nonce: [UInt8] = nonce, authenticating header: ArraySlice<UInt8>,
        appendingTo output: inout [UInt8]
    ) throws(SealingError) {
        guard let nonce = try? AES.GCM.Nonce(data: nonce),
            let combined = try? AES.GCM.seal(plaintext, using: key, nonce: nonce, authenticating: header).combined
        else { throw SealingError(.tooLarge, "the cipher takes no such message") }
        output.append(contentsOf: combined.dropFirst(nonceSize))
    }

    /// Opens ciphertext and tag, and hands what is in it to the reader.
    ///
    /// - Throws: `decryption` when the tag does not fit.
    static func open<Value>(
        _ sealed: ArraySlice<UInt8>, key: SymmetricKey, nonce: [UInt8] = nonce,
        authenticating header: ArraySlice<UInt8>, read: (UnsafeRawBufferPointer) -> Value
    ) throws(SealingError) -> Value {
        guard sealed.count >= tagSize, let nonce = try? AES.GCM.Nonce(data: nonce),
            let box = try? AES.GCM.SealedBox(
                nonce: nonce, ciphertext: sealed.dropLast(tagSize), tag: sealed.suffix(tagSize)),
            let plaintext = try? AES.GCM.open(box, using: key, authenticating: header)
        else { throw SealingError(.decryption, "the tag does not fit") }
        return plaintext.withUnsafeBytes(read)
    }
}
