internal import Crypto
private import struct Foundation.Data

/// AES-256-GCM as messages use it: each has a key of its own, so the nonce is zero.
///
/// The library takes and gives `Data`; here bytes go in from where they lie and come out to where they belong, so that each
/// is copied once on its way.
enum MessageCipher {
    static let tagSize = 16
    private static let nonceSize = 12
    /// Twelve zeroes; nil is never passed on, for it would mean a random one.
    static let nonce = nonce([UInt8](repeating: 0, count: nonceSize))

    static func nonce(_ bytes: [UInt8]) -> AES.GCM.Nonce? {
        bytes.count == nonceSize ? try? AES.GCM.Nonce(data: bytes) : nil
    }

    /// Puts the ciphertext in the place of a plaintext, and the tag behind it.
    ///
    /// - Parameter message: the plaintext, and room for the tag.
    /// - Throws: `tooLarge` for more than the cipher takes.
    static func seal(
        inPlace message: UnsafeMutableRawBufferPointer, key: SymmetricKey, nonce: AES.GCM.Nonce? = nonce,
        authenticating header: UnsafeRawBufferPointer
    ) throws(SealingError) {
        let plaintext = UnsafeRawBufferPointer(rebasing: message.dropLast(tagSize))
        guard let nonce,
            let combined = try? AES.GCM.seal(plaintext, using: key, nonce: nonce, authenticating: header).combined,
            combined.count == nonceSize + message.count
        else { throw SealingError(.tooLarge, "the cipher takes no such message") }
        combined.withUnsafeBytes { combined in
            message.copyMemory(from: UnsafeRawBufferPointer(rebasing: combined[nonceSize...]))
        }
    }

    /// Opens ciphertext and tag, and hands what is in it to the reader.
    ///
    /// - Throws: `decryption` when the tag does not fit.
    static func open<Value>(
        _ sealed: UnsafeRawBufferPointer, key: SymmetricKey, nonce: AES.GCM.Nonce? = nonce,
        authenticating header: UnsafeRawBufferPointer, read: (UnsafeRawBufferPointer) -> Value
    ) throws(SealingError) -> Value {
        guard sealed.count >= tagSize, let nonce else { throw unfitting }
        // The library takes nonce, ciphertext and tag apart only to put them together again, piece by piece.
        let plaintext = withUnsafeTemporaryAllocation(byteCount: nonceSize + sealed.count, alignment: 16) { combined in
            guard let start = combined.baseAddress else { return nil as Data? }
            nonce.withUnsafeBytes { combined.copyMemory(from: $0) }
            UnsafeMutableRawBufferPointer(rebasing: combined[nonceSize...]).copyMemory(from: sealed)
            // Lives no longer than the buffer.
            let data = Data(bytesNoCopy: start, count: combined.count, deallocator: .none)
            return try? AES.GCM.open(AES.GCM.SealedBox(combined: data), using: key, authenticating: header)
        }
        guard let plaintext else { throw unfitting }
        return plaintext.withUnsafeBytes(read)
    }

    private static let unfitting = SealingError(.decryption, "the tag does not fit")
}
